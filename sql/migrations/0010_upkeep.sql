-- Upkeep of the facts' partitions: made ahead, adopted from the default, dropped when old; each step waits 100 ms at most.
-- compatible with: 6
-- The functions that are SECURITY DEFINER are all that a daemon without rights to DDL needs; nobody else calls them.

CREATE TABLE outbox.pruned (
  range_start bigint NOT NULL,
  range_end   bigint NOT NULL,
  newest_at   timestamptz NOT NULL,
  keep        interval NOT NULL,
  pruned_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (range_start, pruned_at)
);
COMMENT ON TABLE outbox.pruned IS
  'Ranges of event id whose facts were dropped because they were older than the retention: no history before them is missing by accident.';
COMMENT ON COLUMN outbox.pruned.range_end IS 'The first event id beyond the range.';
COMMENT ON COLUMN outbox.pruned.newest_at IS 'When the last event of the range occurred.';
COMMENT ON COLUMN outbox.pruned.keep IS 'The retention that was in force.';

CREATE TABLE outbox.retention (
  one           boolean PRIMARY KEY DEFAULT true CHECK (one),
  keep_at_least interval NOT NULL DEFAULT '30 days' CHECK (keep_at_least >= interval '1 day')
);
COMMENT ON TABLE outbox.retention IS
  'The owner''s floor of retention, one row: nothing younger is dropped, whatever a worker''s settings or login ask for.';
INSERT INTO outbox.retention DEFAULT VALUES;

CREATE FUNCTION outbox.facts() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  -- In the order in which routing locks them: whoever locks all takes the same, and waits for nobody who waits for him.
  SELECT ARRAY['event', 'decision', 'delivery', 'attempt', 'replay']
$$;

CREATE FUNCTION outbox.defaults() RETURNS text[] LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT array_agg(f || '_default' ORDER BY n) FROM unnest(outbox.facts()) WITH ORDINALITY AS u (f, n)
$$;

CREATE FUNCTION outbox.range_size() RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT 5000000::bigint $$;

CREATE FUNCTION outbox.key_of(fact text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE fact WHEN 'event' THEN 'id' ELSE 'event_id' END
$$;

CREATE FUNCTION outbox.ranges(fact text) RETURNS TABLE (part text, range_start bigint, range_end bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  -- What is attached, by the catalogue; the default partition has no bounds, and is not among them.
  SELECT b.part, b.bounds[1]::bigint, b.bounds[2]::bigint
  FROM (SELECT c.relname::text AS part,
               regexp_match(pg_get_expr(c.relpartbound, c.oid), $re$FROM \('(-?\d+)'\) TO \('(-?\d+)'\)$re$) AS bounds
        FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = format('outbox.%I', fact)::regclass) AS b
  WHERE b.bounds IS NOT NULL
$$;

CREATE FUNCTION outbox.holders(relations text[]) RETURNS TABLE (holder text, transaction text, since timestamptz)
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  -- Who else holds a lock on one of them, but autovacuum, which gives way. `since` only of those whom this role may
  -- see: with pg_read_all_stats all, but prepared transactions, which have no session.
  SELECT CASE WHEN l.pid IS NULL THEN 'a prepared transaction'
              ELSE format('%s (pid %s)', coalesce(nullif(max(a.application_name), ''), 'a session'), l.pid) END
         || ' on ' || min(CAST(CAST(l.relation AS regclass) AS text)),
         l.virtualtransaction, max(a.xact_start)
  FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
  WHERE l.locktype = 'relation' AND l.granted AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
    AND l.relation IN (SELECT format('outbox.%I', r)::regclass FROM unnest(relations) AS r)
    AND l.pid IS DISTINCT FROM pg_backend_pid()
  GROUP BY l.pid, l.virtualtransaction
  HAVING NOT bool_or(l.mode = 'ShareUpdateExclusiveLock')
$$;

CREATE FUNCTION outbox.stays(relations text[]) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
-- Who has held one of them for over a second, NULL: nobody. Of whom that can't be seen it is waited for.
DECLARE
  unknown text[];
  who text;
BEGIN
  PERFORM pg_stat_clear_snapshot();
  SELECT min(h.holder) FILTER (WHERE h.since < clock_timestamp() - interval '1 second'),
         array_agg(h.transaction) FILTER (WHERE h.since IS NULL)
  INTO who, unknown FROM outbox.holders(relations) AS h;
  IF who IS NULL AND unknown IS NOT NULL THEN
    PERFORM pg_sleep(1);
    SELECT min(h.holder) INTO who FROM outbox.holders(relations) AS h WHERE h.transaction = ANY (unknown);
  END IF;
  RETURN who;
END $$;

CREATE FUNCTION outbox.lock_briefly(relations text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
-- All of them, each alone without its partitions, within 100 ms: an application's commit that queues behind waits no
-- longer, which is half of what capture allows. Not even tried where somebody has read them for over a second.
-- Before that under a weaker lock, behind which no commit queues: an autovacuum that is at work gives way to it.
DECLARE
  ends timestamptz;
  holder text := outbox.stays(relations);
  relation text;
BEGIN
  IF holder IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'lock_not_available', MESSAGE = format('%s has read the history for over a second', holder);
  END IF;
  BEGIN
    PERFORM set_config('lock_timeout', '5s', true);
    FOREACH relation IN ARRAY relations LOOP
      EXECUTE format('LOCK TABLE ONLY outbox.%I IN SHARE UPDATE EXCLUSIVE MODE', relation);
    END LOOP;
    ends := clock_timestamp() + interval '100 milliseconds';
    FOREACH relation IN ARRAY relations LOOP
      PERFORM set_config('lock_timeout', greatest(1, ceil(extract(epoch FROM ends - clock_timestamp()) * 1000))::text, true);
      EXECUTE format('LOCK TABLE ONLY outbox.%I IN ACCESS EXCLUSIVE MODE', relation);
    END LOOP;
  EXCEPTION WHEN lock_not_available THEN
    -- Its locks are gone by now: nobody waits while it is looked up who was in the way.
    SELECT min(h.holder) INTO holder FROM outbox.holders(relations) AS h;
    RAISE EXCEPTION USING ERRCODE = 'lock_not_available', MESSAGE = coalesce(holder || ' is in the way', SQLERRM);
  END;
END $$;

CREATE FUNCTION outbox.one_at_a_time() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
-- Two workers at once make no step of upkeep together: the one that comes second leaves it for the next minute. Between
-- steps they may take turns: each step begins with what stands.
BEGIN
  IF NOT pg_try_advisory_xact_lock(7231002) THEN
    RAISE EXCEPTION USING ERRCODE = 'lock_not_available', MESSAGE = 'another session is at the upkeep';
  END IF;
END $$;

CREATE OR REPLACE FUNCTION outbox.make_partition(range_start bigint, range_end bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
-- LIKE + ATTACH, not CREATE ... PARTITION OF: that waits for open transactions, and the application behind it. All that
-- takes long stands before the first lock. ATTACH locks the default and reads it: not while it holds rows.
DECLARE
  fact text;
  part text;
  made text[] := '{}';
BEGIN
  FOREACH fact IN ARRAY outbox.facts() LOOP
    part := format('%s_%s', fact, range_start);
    CONTINUE WHEN to_regclass(format('outbox.%I', part)) IS NOT NULL;
    EXECUTE format('CREATE TABLE outbox.%I (LIKE outbox.%I INCLUDING ALL)', part, fact);
    EXECUTE format('ALTER TABLE outbox.%I ADD CONSTRAINT in_range CHECK (%I >= %s AND %I < %s)', part,
                   outbox.key_of(fact), range_start, outbox.key_of(fact), range_end);
    PERFORM outbox.guard_partition(format('outbox.%I', part)::regclass);
    made := made || fact;
  END LOOP;
  PERFORM outbox.lock_briefly(outbox.defaults());
  FOREACH fact IN ARRAY made LOOP
    part := format('%s_%s', fact, range_start);
    EXECUTE format('ALTER TABLE outbox.%I ATTACH PARTITION outbox.%I FOR VALUES FROM (%s) TO (%s)',
                   fact, part, range_start, range_end);
    EXECUTE format('ALTER TABLE outbox.%I DROP CONSTRAINT in_range', part);
  END LOOP;
END $$;

CREATE FUNCTION outbox.caught(OUT lowest bigint, OUT highest bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
-- The lowest and the highest event id in any default partition; NULL where all are empty, as they should be.
DECLARE
  fact text;
  low bigint;
  high bigint;
BEGIN
  FOREACH fact IN ARRAY outbox.facts() LOOP
    EXECUTE format('SELECT min(%1$I), max(%1$I) FROM outbox.%2$I', outbox.key_of(fact), fact || '_default') INTO low, high;
    lowest := least(lowest, low);
    highest := greatest(highest, high);
  END LOOP;
END $$;

CREATE FUNCTION outbox.make_ahead(ahead integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
-- Makes the next range that is missing among that of the newest id and so many after it; NULL where none is.
DECLARE
  size bigint := outbox.range_size();
  first bigint := (SELECT s.last_value / size * size FROM outbox.event_id AS s);
  missing bigint;
BEGIN
  PERFORM outbox.one_at_a_time();
  SELECT w.range_start INTO missing
  FROM generate_series(first, first + least(ahead, 1000) * size, size) AS w (range_start)
  WHERE NOT EXISTS (SELECT FROM outbox.ranges('event') AS r
                    WHERE r.range_start < w.range_start + size AND r.range_end > w.range_start)
  ORDER BY w.range_start LIMIT 1;
  IF missing IS NULL OR (SELECT c.lowest FROM outbox.caught() AS c) IS NOT NULL THEN
    RETURN NULL;
  END IF;
  PERFORM outbox.make_partition(missing, missing + size);
  RETURN missing;
END $$;

CREATE FUNCTION outbox.sweep_strays(most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
-- Attempts of deliveries that are gone: a worker that came back after its delivery's range was dropped. Nothing else may
-- be taken from a default partition.
DECLARE
  swept bigint;
BEGIN
  PERFORM set_config('outbox.rewrite', pg_current_xact_id()::text, true);
  DELETE FROM outbox.attempt_default AS a
  WHERE a.ctid = ANY (ARRAY(
    SELECT s.ctid FROM outbox.attempt_default AS s
    WHERE NOT EXISTS (SELECT FROM outbox.delivery AS d WHERE d.event_id = s.event_id AND d.connector_id = s.connector_id)
    LIMIT most));
  GET DIAGNOSTICS swept = ROW_COUNT;
  RETURN swept;
END $$;

CREATE FUNCTION outbox.gap_of_caught(OUT range_start bigint, OUT range_end bigint, OUT gaps bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
-- The range that what was caught needs: whole steps, no range's that stands, and with room for what comes meanwhile. What
-- is beyond it is refused until the swap, and a reader can hold that up for hours: so four steps more.
DECLARE
  size bigint := outbox.range_size();
  newest bigint := (SELECT s.last_value FROM outbox.event_id AS s);
  lowest bigint;
  highest bigint;
  floor bigint;
  ceiling bigint;
BEGIN
  SELECT c.lowest, c.highest INTO lowest, highest FROM outbox.caught() AS c;
  IF lowest IS NULL THEN
    RETURN;
  END IF;
  SELECT count(*) FILTER (WHERE r.range_start > lowest AND r.range_start <= highest) + 1,
         max(r.range_end) FILTER (WHERE r.range_end <= lowest), min(r.range_start) FILTER (WHERE r.range_start > highest)
  INTO gaps, floor, ceiling FROM outbox.ranges('event') AS r;
  IF newest > highest AND (ceiling IS NULL OR newest < ceiling) THEN
    highest := newest;
  END IF;
  range_start := greatest(lowest / size * size, floor);
  range_end := least((highest / size + 1 + 4) * size, ceiling);
END $$;

CREATE FUNCTION outbox.adopt_said(OUT range_start bigint, OUT range_end bigint, OUT tables bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  -- The range that adopt_begin has said of the default partitions, and of how many.
  SELECT max(b.bounds[1]::bigint), max(b.bounds[2]::bigint), count(*)
  FROM (SELECT regexp_match(pg_get_constraintdef(c.oid), $re$>= '?(-?\d+)'?.* < '?(-?\d+)'?$re$) AS bounds
        FROM pg_constraint AS c JOIN unnest(outbox.defaults()) AS d ON c.conrelid = format('outbox.%I', d)::regclass
        WHERE c.conname = 'in_range') AS b
$$;

CREATE FUNCTION outbox.adopt_begin(OUT range_start bigint, OUT range_end bigint, OUT gaps bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
-- A default partition with rows becomes the partition of their range: no row moves, each is seen once at any time.
-- First it says what its range is, for new rows only; NULL where all are empty, no range where one can't hold them. What
-- was said before stands where there is room left in it: a step that a reader held up is gone on with, without a lock.
DECLARE
  fact text;
  said record;
BEGIN
  PERFORM outbox.one_at_a_time();
  SELECT * INTO said FROM outbox.adopt_said();
  SELECT g.range_start, g.range_end, g.gaps INTO range_start, range_end, gaps FROM outbox.gap_of_caught() AS g;
  IF gaps <> 1 THEN
    range_start := NULL;
  END IF;
  IF range_start = said.range_start AND range_end BETWEEN said.range_end AND said.range_end + 2 * outbox.range_size()
     AND said.tables = cardinality(outbox.facts()) THEN
    range_end := said.range_end;
    RETURN;
  END IF;
  IF range_start IS NOT NULL OR said.tables > 0 THEN
    PERFORM outbox.lock_briefly(outbox.defaults());
  END IF;
  FOREACH fact IN ARRAY outbox.facts() LOOP
    IF said.tables > 0 THEN
      EXECUTE format('ALTER TABLE outbox.%I DROP CONSTRAINT IF EXISTS in_range', fact || '_default');
    END IF;
    IF range_start IS NOT NULL THEN
      EXECUTE format('ALTER TABLE outbox.%I ADD CONSTRAINT in_range CHECK (%I >= %s AND %I < %s) NOT VALID',
                     fact || '_default', outbox.key_of(fact), range_start, outbox.key_of(fact), range_end);
    END IF;
  END LOOP;
END $$;

CREATE FUNCTION outbox.adopt_validate() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '10s' AS $$
-- Reads the rows that stand, so that the swap need not; beside whoever reads and writes, and nobody queues behind this
-- lock. It may wait for an autovacuum, which gives way after a second.
DECLARE
  name text;
BEGIN
  PERFORM outbox.one_at_a_time();
  FOREACH name IN ARRAY outbox.defaults() LOOP
    EXECUTE format('ALTER TABLE outbox.%I VALIDATE CONSTRAINT in_range', name);
  END LOOP;
END $$;

CREATE FUNCTION outbox.adopt_finish(range_start bigint, range_end bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
-- The swap: the default is attached anew as its range's partition, and an empty one takes its place, in one transaction.
DECLARE
  fact text;
  part text;
BEGIN
  PERFORM outbox.one_at_a_time();
  IF (SELECT (s.range_start, s.range_end) FROM outbox.adopt_said() AS s) IS DISTINCT FROM (range_start, range_end) THEN
    RAISE EXCEPTION USING ERRCODE = 'lock_not_available', MESSAGE = 'another session has gone on with what was caught';
  END IF;
  FOREACH fact IN ARRAY outbox.facts() LOOP
    EXECUTE format('CREATE TABLE outbox.%I (LIKE outbox.%I INCLUDING ALL)', fact || '_next', fact);
    PERFORM outbox.guard_partition(format('outbox.%I', fact || '_next')::regclass);
  END LOOP;
  PERFORM outbox.lock_briefly(outbox.facts() || outbox.defaults());
  FOREACH fact IN ARRAY outbox.facts() LOOP
    part := format('%s_%s', fact, range_start);
    EXECUTE format('ALTER TABLE outbox.%I DETACH PARTITION outbox.%I', fact, fact || '_default');
    EXECUTE format('ALTER TABLE outbox.%I RENAME TO %I', fact || '_default', part);
    EXECUTE format('ALTER TABLE outbox.%I ATTACH PARTITION outbox.%I FOR VALUES FROM (%s) TO (%s)',
                   fact, part, range_start, range_end);
    EXECUTE format('ALTER TABLE outbox.%I DROP CONSTRAINT in_range', part);
    EXECUTE format('ALTER TABLE outbox.%I RENAME TO %I', fact || '_next', fact || '_default');
    EXECUTE format('ALTER TABLE outbox.%I ATTACH PARTITION outbox.%I DEFAULT', fact, fact || '_default');
  END LOOP;
END $$;

CREATE FUNCTION outbox.newest_event(range_start bigint, range_end bigint) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT e.occurred_at FROM outbox.event AS e WHERE e.id >= range_start AND e.id < range_end ORDER BY e.id DESC LIMIT 1
$$;

CREATE FUNCTION outbox.younger(range_start bigint, range_end bigint, since timestamptz) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
  -- Whether anything of it happened since: an old event may have been given to a new connector, or sent again. By the
  -- indexes on time: a range that is kept for one attempt is asked again for a year.
  SELECT EXISTS (SELECT FROM outbox.event AS e WHERE e.id >= range_start AND e.id < range_end AND e.occurred_at >= since)
    OR EXISTS (SELECT FROM outbox.delivery AS d
               WHERE d.event_id >= range_start AND d.event_id < range_end AND d.created_at >= since)
    OR EXISTS (SELECT FROM outbox.attempt AS a
               WHERE a.event_id >= range_start AND a.event_id < range_end AND a.started_at >= since)
$$;

CREATE FUNCTION outbox.uncounted(range_start bigint, range_end bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
  -- Whether any attempt of it is of a day that is still to be counted into connector_day: days are, oldest first.
  SELECT EXISTS (SELECT FROM outbox.attempt AS a
                 WHERE a.event_id >= range_start AND a.event_id < range_end AND a.kind <> 'test'
                   AND a.started_at >= coalesce(CAST((SELECT max(k.day) + 1 FROM outbox.connector_day AS k) AS timestamp)
                                                AT TIME ZONE 'UTC', '-infinity'))
$$;

CREATE FUNCTION outbox.holds_open(range_start bigint, range_end bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  -- Notes to be routed, and deliveries to be made, first or again; by index, however many wait elsewhere.
  SELECT EXISTS (SELECT FROM outbox.inbox AS i WHERE i.event_id >= range_start AND i.event_id < range_end)
    OR EXISTS (SELECT FROM outbox.connector AS c
               CROSS JOIN LATERAL (SELECT FROM outbox.queue AS q
                                   WHERE q.connector_id = c.id AND q.event_id >= range_start AND q.event_id < range_end
                                   LIMIT 1) AS open)
$$;

CREATE FUNCTION outbox.may_go(range_start bigint, range_end bigint, keep interval) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  -- Full, with facts, and nothing of it young, open or to be counted. The newest event first: that alone keeps most ranges.
  SELECT CASE WHEN range_end <= (SELECT s.last_value FROM outbox.event_id AS s)
                   AND outbox.newest_event(range_start, range_end) < clock_timestamp() - keep
              THEN NOT outbox.holds_open(range_start, range_end)
                   AND NOT outbox.younger(range_start, range_end, clock_timestamp() - keep)
                   AND NOT outbox.uncounted(range_start, range_end)
              ELSE false END
$$;

CREATE FUNCTION outbox.kept_for(keep interval) RETURNS interval
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  -- What is asked for, or the owner's floor where that is longer; without its row, for ever.
  SELECT greatest(keep, coalesce((SELECT r.keep_at_least FROM outbox.retention AS r), interval '1000 years'))
$$;

CREATE FUNCTION outbox.prunable(keep interval) RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  -- Where the ranges begin that may go, oldest first.
  SELECT r.range_start FROM outbox.ranges('event') AS r
  WHERE outbox.may_go(r.range_start, r.range_end, outbox.kept_for(keep)) ORDER BY r.range_start
$$;

CREATE FUNCTION outbox.prune(first_id bigint, asked interval) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
-- Drops the range that begins there, all its facts together, and puts that on record; false where it may not go, or is
-- gone. Never what is younger than the owner's floor, whatever is asked for. Under the locks nobody reads a delivery of
-- it: a replay has queued it before, or finds it gone.
DECLARE
  keep interval := outbox.kept_for(asked);
  last_id bigint := (SELECT r.range_end FROM outbox.ranges('event') AS r WHERE r.range_start = first_id);
  newest timestamptz := outbox.newest_event(first_id, last_id);
  parts text[] := ARRAY(SELECT r.part FROM unnest(outbox.facts()) WITH ORDINALITY AS f (fact, n)
                        CROSS JOIN LATERAL outbox.ranges(f.fact) AS r
                        WHERE r.range_start = first_id AND r.range_end = last_id ORDER BY f.n);
BEGIN
  PERFORM outbox.one_at_a_time();
  IF last_id IS NULL OR NOT outbox.may_go(first_id, last_id, keep) THEN
    RETURN false;
  END IF;
  IF cardinality(parts) <> cardinality(outbox.facts()) THEN
    RAISE EXCEPTION 'expected a partition of every fact from % to %, got %', first_id, last_id, parts;
  END IF;
  PERFORM outbox.lock_briefly(outbox.facts() || parts);
  IF outbox.holds_open(first_id, last_id) THEN
    RETURN false;
  END IF;
  FOR n IN 1 .. cardinality(parts) LOOP
    EXECUTE format('ALTER TABLE outbox.%I DETACH PARTITION outbox.%I', (outbox.facts())[n], parts[n]);
    EXECUTE format('DROP TABLE outbox.%I', parts[n]);
  END LOOP;
  INSERT INTO outbox.pruned (range_start, range_end, newest_at, keep) VALUES (first_id, last_id, newest, keep);
  RETURN true;
END $$;

DO $$
-- As in 0006.
DECLARE
  function regprocedure;
BEGIN
  FOR function IN SELECT p.oid FROM pg_proc AS p WHERE p.pronamespace = 'outbox'::regnamespace LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
  END LOOP;
END $$;
