-- What the attempts that began in a stretch of time came to, by stretches of so many minutes in it: as outbox.figure keeps
-- it. Both who counts for good and who looks at what isn't counted yet ask this.
CREATE OR REPLACE FUNCTION outbox.count_attempts(minutes integer, since timestamptz, until timestamptz)
RETURNS TABLE (began timestamptz, connector_id integer, business_unit text, routed timestamptz, attempts bigint, ok bigint,
               delivered bigint, retried bigint, dead bigint, cancelled bigint, delivery_bins smallint[],
               delivery_counts bigint[], answer_bins smallint[], answer_counts bigint[])
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan SET jit = off AS $$
  WITH attempt AS MATERIALIZED (
    SELECT date_bin(make_interval(mins => count_attempts.minutes), t.started_at, 'epoch') AS began, t.connector_id,
           t.business_unit, t.routed, t.tried, t.ok, t.again, t.becomes, t.was, t.delivery_bin, t.answer_bin
    FROM outbox.figured_attempt AS t
    WHERE t.started_at >= count_attempts.since AND t.started_at < count_attempts.until
  ), total AS (
    SELECT a.began, a.connector_id, a.business_unit, a.routed, count(*) FILTER (WHERE a.tried) AS attempts,
           count(*) FILTER (WHERE a.tried AND a.ok) AS ok,
           count(*) FILTER (WHERE a.becomes = 'delivered') AS delivered,
           count(*) FILTER (WHERE a.becomes = 'delivered' AND a.again) AS retried,
           count(*) FILTER (WHERE a.becomes = 'dead') - count(*) FILTER (WHERE a.was = 'dead') AS dead,
           count(*) FILTER (WHERE a.becomes = 'cancelled') - count(*) FILTER (WHERE a.was = 'cancelled') AS cancelled
    FROM attempt AS a
    GROUP BY 1, 2, 3, 4
  ), delivery AS (
    SELECT b.began, b.connector_id, b.business_unit, b.routed, array_agg(b.bin ORDER BY b.bin) AS bins,
           array_agg(b.count ORDER BY b.bin) AS counts
    FROM (SELECT a.began, a.connector_id, a.business_unit, a.routed, a.delivery_bin AS bin, count(*) AS count
          FROM attempt AS a WHERE a.delivery_bin IS NOT NULL GROUP BY 1, 2, 3, 4, 5) AS b
    GROUP BY 1, 2, 3, 4
  ), answer AS (
    SELECT b.began, b.connector_id, b.business_unit, b.routed, array_agg(b.bin ORDER BY b.bin) AS bins,
           array_agg(b.count ORDER BY b.bin) AS counts
    FROM (SELECT a.began, a.connector_id, a.business_unit, a.routed, a.answer_bin AS bin, count(*) AS count
          FROM attempt AS a WHERE a.answer_bin IS NOT NULL AND a.tried GROUP BY 1, 2, 3, 4, 5) AS b
    GROUP BY 1, 2, 3, 4
  )
  SELECT t.began, t.connector_id, t.business_unit, t.routed, t.attempts, t.ok, t.delivered, t.retried, t.dead, t.cancelled,
         coalesce(d.bins, '{}'), coalesce(d.counts, '{}'), coalesce(a.bins, '{}'), coalesce(a.counts, '{}')
  FROM total AS t
  LEFT JOIN delivery AS d USING (began, connector_id, business_unit, routed)
  LEFT JOIN answer AS a USING (began, connector_id, business_unit, routed)
$$;
REVOKE ALL ON FUNCTION outbox.count_attempts(integer, timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION outbox.count_attempts(integer, timestamptz, timestamptz) IS
  'What attempts of a stretch of time came to, from the facts: the figures of outbox.figure.';
