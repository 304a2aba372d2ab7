-- How long deliveries (from the change to the receiver's 2xx) and answers took: histograms, by so many minutes.
WITH figure AS (
  SELECT date_bin(make_interval(mins => :minutes), f.since, 'epoch') AS at, f.delivery_bins, f.delivery_counts,
         f.answer_bins, f.answer_counts
  FROM unnest(CAST(:lengths AS integer[]), CAST(:sinces AS timestamptz[]), CAST(:untils AS timestamptz[]))
    AS s (minutes, since, until)
  JOIN outbox.figure AS f ON f.minutes = s.minutes AND f.since >= s.since AND f.since < s.until
  WHERE CAST(:within AS text[]) IS NULL OR f.business_unit = ANY (CAST(:within AS text[]))
)
SELECT 'delivery' AS what, f.at, u.bin, sum(u.count) AS latencies
FROM figure AS f CROSS JOIN LATERAL unnest(f.delivery_bins, f.delivery_counts) AS u (bin, count)
GROUP BY 2, 3
UNION ALL
SELECT 'answer', f.at, u.bin, sum(u.count)
FROM figure AS f CROSS JOIN LATERAL unnest(f.answer_bins, f.answer_counts) AS u (bin, count)
GROUP BY 2, 3
