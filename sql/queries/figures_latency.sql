-- How long deliveries (from the change to the receiver's 2xx) and answers took: histograms, by so many minutes.
WITH figure AS (
  SELECT f.since, f.business_unit, f.delivery_bins, f.delivery_counts, f.answer_bins, f.answer_counts
  FROM unnest(CAST(:lengths AS integer[]), CAST(:sinces AS timestamptz[]), CAST(:untils AS timestamptz[]))
    AS s (minutes, since, until)
  JOIN outbox.figure AS f ON f.minutes = s.minutes AND f.since >= s.since AND f.since < s.until
  WHERE CAST(:within AS text[]) IS NULL OR f.business_unit = ANY (CAST(:within AS text[]))
), uncounted AS MATERIALIZED (
  SELECT t.started_at, t.delivery_bin, t.answer_bin, t.tried
  FROM outbox.figured_attempt AS t
  WHERE t.started_at >= :uncounted
    AND (CAST(:within AS text[]) IS NULL OR t.business_unit = ANY (CAST(:within AS text[])))
)
SELECT l.what, date_bin(make_interval(mins => :minutes), l.since, 'epoch') AS at, l.bin, sum(l.count) AS latencies
FROM (
  SELECT 'delivery' AS what, f.since, u.bin, u.count
  FROM figure AS f CROSS JOIN LATERAL unnest(f.delivery_bins, f.delivery_counts) AS u (bin, count)
  UNION ALL
  SELECT 'answer', f.since, u.bin, u.count
  FROM figure AS f CROSS JOIN LATERAL unnest(f.answer_bins, f.answer_counts) AS u (bin, count)
  UNION ALL
  SELECT 'delivery', n.started_at, n.delivery_bin, 1 FROM uncounted AS n WHERE n.delivery_bin IS NOT NULL
  UNION ALL
  SELECT 'answer', n.started_at, n.answer_bin, 1 FROM uncounted AS n WHERE n.answer_bin IS NOT NULL AND n.tried) AS l
GROUP BY 1, 2, 3
