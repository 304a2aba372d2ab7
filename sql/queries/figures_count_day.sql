-- Counts a day from its hours: what counts adds up, histograms bin by bin.
WITH hour AS MATERIALIZED (
  SELECT f.connector_id, f.business_unit, date_trunc('day', f.routed, 'UTC') AS routed, f.attempts, f.ok, f.delivered,
         f.retried, f.dead, f.cancelled, f.delivery_bins, f.delivery_counts, f.answer_bins, f.answer_counts
  FROM outbox.figure AS f
  WHERE f.minutes = 60 AND f.since >= :since AND f.since < :until
), total AS (
  SELECT h.connector_id, h.business_unit, h.routed, sum(h.attempts) AS attempts, sum(h.ok) AS ok,
         sum(h.delivered) AS delivered, sum(h.retried) AS retried, sum(h.dead) AS dead, sum(h.cancelled) AS cancelled
  FROM hour AS h
  GROUP BY h.connector_id, h.business_unit, h.routed
), delivery AS (
  SELECT b.connector_id, b.business_unit, b.routed, array_agg(b.bin ORDER BY b.bin) AS bins,
         array_agg(b.count ORDER BY b.bin) AS counts
  FROM (SELECT h.connector_id, h.business_unit, h.routed, u.bin, sum(u.count) AS count
        FROM hour AS h CROSS JOIN LATERAL unnest(h.delivery_bins, h.delivery_counts) AS u (bin, count)
        GROUP BY 1, 2, 3, 4) AS b
  GROUP BY b.connector_id, b.business_unit, b.routed
), answer AS (
  SELECT b.connector_id, b.business_unit, b.routed, array_agg(b.bin ORDER BY b.bin) AS bins,
         array_agg(b.count ORDER BY b.bin) AS counts
  FROM (SELECT h.connector_id, h.business_unit, h.routed, u.bin, sum(u.count) AS count
        FROM hour AS h CROSS JOIN LATERAL unnest(h.answer_bins, h.answer_counts) AS u (bin, count)
        GROUP BY 1, 2, 3, 4) AS b
  GROUP BY b.connector_id, b.business_unit, b.routed
)
INSERT INTO outbox.figure (minutes, since, connector_id, business_unit, routed, attempts, ok, delivered, retried, dead,
                           cancelled, delivery_bins, delivery_counts, answer_bins, answer_counts)
SELECT :minutes, :since, t.connector_id, t.business_unit, t.routed, t.attempts, t.ok, t.delivered, t.retried, t.dead,
       t.cancelled, coalesce(d.bins, '{}'), coalesce(d.counts, '{}'), coalesce(a.bins, '{}'), coalesce(a.counts, '{}')
FROM total AS t
LEFT JOIN delivery AS d USING (connector_id, business_unit, routed)
LEFT JOIN answer AS a USING (connector_id, business_unit, routed)
