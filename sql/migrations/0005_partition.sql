-- Partitions of the facts: ranges of event id, all five tables alike, and a default partition as the net.

CREATE FUNCTION outbox.make_partition(range_start bigint, range_end bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
-- LIKE + ATTACH, not CREATE ... PARTITION OF: that waits for open transactions, and the application behind it.
DECLARE
  fact text;
  part text;
BEGIN
  FOREACH fact IN ARRAY ARRAY['event', 'decision', 'delivery', 'attempt', 'replay'] LOOP
    part := format('%s_%s', fact, range_start);
    CONTINUE WHEN to_regclass(format('outbox.%I', part)) IS NOT NULL;
    EXECUTE format('CREATE TABLE outbox.%I (LIKE outbox.%I INCLUDING ALL)', part, fact);
    EXECUTE format('ALTER TABLE outbox.%I ADD CONSTRAINT in_range CHECK (%I >= %s AND %I < %s)', part,
                   CASE fact WHEN 'event' THEN 'id' ELSE 'event_id' END, range_start,
                   CASE fact WHEN 'event' THEN 'id' ELSE 'event_id' END, range_end);
    EXECUTE format('ALTER TABLE outbox.%I ATTACH PARTITION outbox.%I FOR VALUES FROM (%s) TO (%s)',
                   fact, part, range_start, range_end);
    EXECUTE format('ALTER TABLE outbox.%I DROP CONSTRAINT in_range', part);
  END LOOP;
END $$;

DO $$
BEGIN
  FOR n IN 0 .. 3 LOOP
    PERFORM outbox.make_partition(n * 5000000::bigint, (n + 1) * 5000000::bigint);
  END LOOP;
END $$;
CREATE TABLE outbox.event_default PARTITION OF outbox.event DEFAULT;
CREATE TABLE outbox.decision_default PARTITION OF outbox.decision DEFAULT;
CREATE TABLE outbox.delivery_default PARTITION OF outbox.delivery DEFAULT;
CREATE TABLE outbox.attempt_default PARTITION OF outbox.attempt DEFAULT;
CREATE TABLE outbox.replay_default PARTITION OF outbox.replay DEFAULT;
