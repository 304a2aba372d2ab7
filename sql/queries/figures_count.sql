-- Counts the attempts that began in a stretch of time, from the facts, and keeps what they came to.
WITH attempt AS MATERIALIZED (
  SELECT t.connector_id, t.business_unit, t.routed, t.tried, t.ok, t.again, t.becomes, t.was, t.delivery_bin, t.answer_bin
  FROM outbox.figured_attempt AS t
  WHERE t.started_at >= :since AND t.started_at < :until
), total AS (
  SELECT a.connector_id, a.business_unit, a.routed, count(*) FILTER (WHERE a.tried) AS attempts,
         count(*) FILTER (WHERE a.tried AND a.ok) AS ok,
         count(*) FILTER (WHERE a.becomes = 'delivered') AS delivered,
         count(*) FILTER (WHERE a.becomes = 'delivered' AND a.again) AS retried,
         count(*) FILTER (WHERE a.becomes = 'dead') - count(*) FILTER (WHERE a.was = 'dead') AS dead,
         count(*) FILTER (WHERE a.becomes = 'cancelled') - count(*) FILTER (WHERE a.was = 'cancelled') AS cancelled
  FROM attempt AS a
  GROUP BY a.connector_id, a.business_unit, a.routed
), delivery AS (
  SELECT b.connector_id, b.business_unit, b.routed, array_agg(b.bin ORDER BY b.bin) AS bins,
         array_agg(b.count ORDER BY b.bin) AS counts
  FROM (SELECT a.connector_id, a.business_unit, a.routed, a.delivery_bin AS bin, count(*) AS count
        FROM attempt AS a WHERE a.delivery_bin IS NOT NULL GROUP BY 1, 2, 3, 4) AS b
  GROUP BY b.connector_id, b.business_unit, b.routed
), answer AS (
  SELECT b.connector_id, b.business_unit, b.routed, array_agg(b.bin ORDER BY b.bin) AS bins,
         array_agg(b.count ORDER BY b.bin) AS counts
  FROM (SELECT a.connector_id, a.business_unit, a.routed, a.answer_bin AS bin, count(*) AS count
        FROM attempt AS a WHERE a.answer_bin IS NOT NULL AND a.tried GROUP BY 1, 2, 3, 4) AS b
  GROUP BY b.connector_id, b.business_unit, b.routed
)
INSERT INTO outbox.figure (minutes, since, connector_id, business_unit, routed, attempts, ok, delivered, retried, dead,
                           cancelled, delivery_bins, delivery_counts, answer_bins, answer_counts)
SELECT :minutes, :since, t.connector_id, t.business_unit, t.routed, t.attempts, t.ok, t.delivered, t.retried, t.dead,
       t.cancelled, coalesce(d.bins, '{}'), coalesce(d.counts, '{}'), coalesce(a.bins, '{}'), coalesce(a.counts, '{}')
FROM total AS t
LEFT JOIN delivery AS d USING (connector_id, business_unit, routed)
LEFT JOIN answer AS a USING (connector_id, business_unit, routed)
