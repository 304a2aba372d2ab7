-- The schemas as the migrations make them, dumped and cleaned. Never edited: `make schema` writes it.

CREATE SCHEMA outbox;

CREATE SCHEMA outbox_audit;

CREATE TYPE outbox.failure AS (
	relation oid,
	table_name text,
	operation text,
	rule text,
	trigger text,
	contract_id text,
	old_row jsonb,
	new_row jsonb,
	differs text[],
	changed jsonb,
	detail jsonb,
	sqlstate text,
	message text
);

COMMENT ON TYPE outbox.failure IS 'A capture error on its way. No table''s row type: a function that names one waits for the table''s lock to compile.';

CREATE FUNCTION outbox.adopt_begin(OUT range_start bigint, OUT range_end bigint, OUT gaps bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION outbox.adopt_finish(range_start bigint, range_end bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION outbox.adopt_said(OUT range_start bigint, OUT range_end bigint, OUT tables bigint) RETURNS record
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  -- The range that adopt_begin has said of the default partitions, and of how many.
  SELECT max(b.bounds[1]::bigint), max(b.bounds[2]::bigint), count(*)
  FROM (SELECT regexp_match(pg_get_constraintdef(c.oid), $re$>= '?(-?\d+)'?.* < '?(-?\d+)'?$re$) AS bounds
        FROM pg_constraint AS c JOIN unnest(outbox.defaults()) AS d ON c.conrelid = format('outbox.%I', d)::regclass
        WHERE c.conname = 'in_range') AS b
$_$;

CREATE FUNCTION outbox.adopt_validate() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '10s'
    AS $$
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

CREATE FUNCTION outbox.append_only() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
-- Beside the grants, which don't bind an owner: history is changed by a function of ours that says so, or not at all.
-- The mark is the transaction's own, set by outbox.erase and by partition upkeep. Dropping a partition fires nothing.
BEGIN
  IF NOT outbox.in_this_transaction('outbox.rewrite') THEN
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation',
      MESSAGE = format('%s of outbox.%s refused: history is append only', TG_OP, TG_TABLE_NAME),
      HINT = 'Content is taken out by `outbox erase`, old ranges by partition upkeep.';
  END IF;
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE FUNCTION outbox.cancel_lanes(contract text, by_whom text, words text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
-- All that waits for a contract, at whichever connector, as one attempt each; under its lane lock, like the cancelling
-- of a connector. A delivery that is leased has its number: what its worker still settles stands beside it as `late`.
DECLARE
  cancelled bigint;
BEGIN
  -- In the order in which workers give rows back; then a statement of its own, which sees what was waited for.
  PERFORM FROM outbox.queue AS q WHERE q.contract_id = contract ORDER BY q.connector_id, q.event_id FOR UPDATE;
  WITH gone AS (
    DELETE FROM outbox.queue AS q WHERE q.contract_id = contract
    RETURNING q.event_id, q.connector_id, q.kind, q.attempts, q.lease_token, q.leased_at
  )
  INSERT INTO outbox.attempt
    (event_id, connector_id, number, kind, connector_version, started_at, outcome, error_code, error, worker, settled)
  SELECT g.event_id, g.connector_id, g.attempts + CASE WHEN g.lease_token IS NULL THEN 1 ELSE 0 END, g.kind, c.version,
         coalesce(g.leased_at, clock_timestamp()), 'interrupted', 'cancelled', words, by_whom, 'cancelled'
  FROM gone AS g
  LEFT JOIN outbox.connector AS c ON c.id = g.connector_id;
  GET DIAGNOSTICS cancelled = ROW_COUNT;
  RETURN cancelled;
END $$;

CREATE FUNCTION outbox.capture() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
-- At commit, with the last note of the transaction: the documents as the whole of it left them, whatever the
-- application's own deferred triggers did before. Arguments: wakeup, on_capture_error.
DECLARE
  me text := pg_current_xact_id()::text;
  noted text[] := string_to_array(current_setting('outbox.noted', true), '/');
  oldest bigint := NEW.event_id;
BEGIN
  -- Serializable transactions capture each note by itself: reading the inbox would set them against each other.
  IF noted[1] = me AND current_setting('transaction_isolation') <> 'serializable' THEN
    IF NEW.event_id >= noted[2]::bigint THEN
      IF NEW.event_id < noted[3]::bigint THEN
        RETURN NULL;
      END IF;
      oldest := noted[2];
      PERFORM set_config('outbox.noted', concat_ws('/', me, NEW.event_id + 1, NEW.event_id), true);
    ELSIF EXISTS (SELECT FROM outbox.event AS e WHERE e.id = NEW.event_id AND e.xid = pg_current_xact_id())
          OR outbox.waiting_notes(NEW.event_id, NEW.event_id) = '{}' THEN
      -- Captured with a later one, which a deferred trigger of the application made under SET CONSTRAINTS IMMEDIATE.
      RETURN NULL;
    END IF;
  END IF;
  IF oldest < NEW.event_id THEN
    PERFORM outbox.capture_notes(outbox.waiting_notes(oldest, NEW.event_id), TG_ARGV[0], TG_ARGV[1]);
  ELSIF NOT outbox.capture_note(NEW, TG_ARGV[0], TG_ARGV[1]) THEN
    PERFORM outbox.drop_note(NEW.ctid);
  END IF;
  RETURN NULL;
END $$;

CREATE SEQUENCE outbox.event_id
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

COMMENT ON SEQUENCE outbox.event_id IS 'Event ids, taken by the note, so that one contract''s follow its row locks.';

CREATE TABLE outbox.inbox (
    event_id bigint DEFAULT nextval('outbox.event_id'::regclass) NOT NULL,
    occurred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    trigger text NOT NULL,
    contract_id text NOT NULL,
    changed jsonb,
    detail jsonb
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='5000', autovacuum_vacuum_cost_delay='0', autovacuum_vacuum_insert_scale_factor='0', autovacuum_vacuum_insert_threshold='100000');

COMMENT ON TABLE outbox.inbox IS 'Notes of capture triggers, deleted when routed: the work that routing has before it.';

COMMENT ON COLUMN outbox.inbox.trigger IS 'Checked by the event that it becomes: a check here would be read anew for every note, a tenth of what it costs.';

CREATE FUNCTION outbox.capture_note(note outbox.inbox, wakeup text, on_error text) RETURNS boolean
    LANGUAGE plpgsql
    SET lock_timeout TO '200ms'
    AS $$
-- One note; whether its event stands.
DECLARE
  -- Ranges of event id begin at multiples of a million: within one, the partition is locked since the first write.
  partition text := concat_ws('/', pg_current_xact_id(), note.event_id / 1000000);
  held boolean := coalesce(current_setting('outbox.partition', true) = partition, false)
                  AND octet_length(note.contract_id) < 1000;
  contract record;
  due boolean := false;
  state text;
  message text;
BEGIN
  IF outbox.in_this_transaction('outbox.impatient') THEN
    state := '55P03';
    message := 'not tried: this transaction has waited for a lock once';
  ELSE
    BEGIN
      SELECT f.* INTO STRICT contract FROM outbox.find_contracts(ARRAY[note.contract_id]) AS f;
      IF contract.standing = 'filtered' THEN
        PERFORM nextval('outbox.filtered');
      ELSE
        due := note.trigger <> 'expired' OR outbox.raise_expiry(note.event_id, note.contract_id,
                                                                outbox.deadline(contract.document, contract.business_unit));
      END IF;
      IF due AND NOT held THEN
        due := outbox.write_event(note, contract);
        state := CASE WHEN NOT due THEN '23505' END;
        PERFORM set_config('outbox.partition', partition, true), outbox.wake(wakeup);
      END IF;
    EXCEPTION
      WHEN serialization_failure THEN RAISE;
      WHEN OTHERS THEN
        due := false;
        state := SQLSTATE;
        message := SQLERRM;
    END;
    IF due AND held THEN
      PERFORM set_config('lock_timeout', '0', true);
      due := outbox.write_event(note, contract);
      state := CASE WHEN NOT due THEN '23505' END;
    END IF;
  END IF;
  IF state IS NOT NULL THEN
    message := coalesce(message, 'the sequence outbox.event_id gave an id that stands already');
    PERFORM outbox.fail(outbox.note_failure(note, state, message), on_error);
  END IF;
  RETURN due;
END $$;

CREATE FUNCTION outbox.capture_notes(notes outbox.inbox[], wakeup text, on_error text) RETURNS void
    LANGUAGE plpgsql
    SET lock_timeout TO '200ms'
    AS $$
-- Together; where that fails, each by itself, so that only those are recorded that can't be captured.
DECLARE
  note outbox.inbox;
  dropped bigint[] := '{}';
BEGIN
  IF NOT outbox.in_this_transaction('outbox.impatient') THEN
    BEGIN
      PERFORM outbox.write_events(notes);
      PERFORM outbox.wake(wakeup);
      RETURN;
    EXCEPTION
      WHEN serialization_failure THEN RAISE;
      WHEN lock_not_available THEN PERFORM set_config('outbox.impatient', pg_current_xact_id()::text, true);
      WHEN OTHERS THEN NULL;
    END;
  END IF;
  FOREACH note IN ARRAY notes LOOP
    IF NOT outbox.capture_note(note, wakeup, on_error) THEN
      dropped := dropped || note.event_id;
    END IF;
  END LOOP;
  PERFORM outbox.drop_notes(dropped);
END $$;

CREATE FUNCTION outbox.caught(OUT lowest bigint, OUT highest bigint) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
END $_$;

CREATE FUNCTION outbox.content_of(contract text, OUT events bigint, OUT deliveries bigint, OUT attempts bigint, OUT notes bigint, OUT waiting bigint, OUT capture_errors bigint, OUT unclear_errors bigint) RETURNS record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
  -- How much of a contract's content is kept, and nothing of it; and of how many capture errors nobody can tell whose they are.
  SELECT (SELECT count(*) FROM outbox.event AS e
          WHERE e.contract_id = contract AND num_nonnulls(e.document, e.changed, e.detail) > 0),
         (SELECT count(*) FROM outbox.delivery AS d WHERE d.contract_id = contract AND d.body IS NOT NULL),
         (SELECT count(*) FROM outbox.delivery AS d
          JOIN outbox.attempt AS t ON t.event_id = d.event_id AND t.connector_id = d.connector_id
          WHERE d.contract_id = contract
            AND (num_nonnulls(t.response_headers, t.response_body) > 0
                 OR (t.error IS NOT NULL AND t.outcome NOT IN ('lost', 'interrupted')))),
         (SELECT count(*) FROM outbox.inbox AS i WHERE i.contract_id = contract),
         (SELECT count(*) FROM outbox.queue AS q WHERE q.contract_id = contract),
         cardinality(o.ids), o.unclear
  FROM outbox.errors_of(contract) AS o
$$;

CREATE FUNCTION outbox.count_attempts(minutes integer, since timestamp with time zone, until timestamp with time zone) RETURNS TABLE(began timestamp with time zone, connector_id integer, business_unit text, routed timestamp with time zone, attempts bigint, ok bigint, delivered bigint, retried bigint, dead bigint, cancelled bigint, delivery_bins smallint[], delivery_counts bigint[], answer_bins smallint[], answer_counts bigint[])
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    SET jit TO 'off'
    AS $$
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

COMMENT ON FUNCTION outbox.count_attempts(minutes integer, since timestamp with time zone, until timestamp with time zone) IS 'What attempts of a stretch of time came to, from the facts: the figures of outbox.figure.';

CREATE FUNCTION outbox.deadline(document jsonb, business_unit text) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    AS $$
-- A contract's deadline as the scan reckons it, so that a capture rule's `expired` and the scan's are one.
BEGIN
  IF to_regprocedure('outbox.source_deadline(jsonb,text)') IS NOT NULL THEN
    RETURN outbox.source_deadline(document, business_unit);
  END IF;
  RETURN (document ->> 'expires_at')::timestamptz;
END $$;

CREATE FUNCTION outbox.defaults() RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT array_agg(f || '_default' ORDER BY n) FROM unnest(outbox.facts()) WITH ORDINALITY AS u (f, n)
$$;

CREATE FUNCTION outbox.drop_note(place tid) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
-- By its place: of all ways to find a row only this one takes no predicate lock that others' notes run into.
BEGIN
  DELETE FROM outbox.inbox AS i WHERE i.ctid = place;
END $$;

CREATE FUNCTION outbox.drop_notes(ids bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
-- Those that raise nothing; by the primary key.
BEGIN
  DELETE FROM outbox.inbox AS i WHERE i.event_id = ANY (ids);
END $$;

CREATE FUNCTION outbox.end_of_day(day date, zone text) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
-- The moment from which no clock in the zone shows that day any more. Where clocks are put back over midnight there
-- are two midnights: PostgreSQL takes the second, but the day may have been over at the first.
DECLARE
  midnight timestamp := CASE WHEN isfinite(day) THEN day + 1 END;
  over timestamptz := midnight AT TIME ZONE zone;
  before timestamp := (over - interval '1 microsecond') AT TIME ZONE zone;
BEGIN
  IF midnight IS NULL THEN
    RETURN day;
  ELSIF before >= midnight THEN
    RETURN over - (before - midnight) - interval '1 microsecond';
  END IF;
  RETURN over;
END $$;

CREATE TABLE outbox.erasure (
    id bigint NOT NULL,
    contract_id text NOT NULL,
    erased_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    erased_by text NOT NULL,
    login text DEFAULT SESSION_USER NOT NULL,
    reason text NOT NULL,
    events bigint NOT NULL,
    deliveries bigint NOT NULL,
    attempts bigint NOT NULL,
    notes bigint NOT NULL,
    cancelled bigint NOT NULL,
    capture_errors bigint NOT NULL,
    unclear_errors bigint NOT NULL,
    CONSTRAINT erasure_contract_id_check CHECK ((contract_id <> ''::text)),
    CONSTRAINT erasure_erased_by_check CHECK ((erased_by <> ''::text)),
    CONSTRAINT erasure_reason_check CHECK ((reason <> ''::text))
);

COMMENT ON TABLE outbox.erasure IS 'Whose content was erased, when, by whom, why, and how much. Append only.';

COMMENT ON COLUMN outbox.erasure.unclear_errors IS 'Capture errors that waited for `outbox recapture` and of which nobody could tell the contract: they stand.';

CREATE FUNCTION outbox.erase(contract text, by_whom text, why text) RETURNS outbox.erasure
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '10s'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
-- Takes a contract's content out of every table, in all partitions, and cancels what waits; ids, times, triggers,
-- states and outcomes stay. Under the contract's lane lock: nobody routes, settles or replays it meanwhile. Notes that
-- were not routed yet go too, with their reason on record, for routing may read the contract anew. What the application
-- commits later is its own doing, and is captured as ever.
DECLARE
  done outbox.erasure;
  quotes text[];
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'expected a transaction that is READ COMMITTED: others would not see what was waited for';
  END IF;
  PERFORM outbox.lock_disabled(contract);
  PERFORM pg_advisory_xact_lock(7231002, hashtext(contract) & 1023);
  PERFORM set_config('outbox.rewrite', pg_current_xact_id()::text, true);
  SELECT f.erased, f.unclear INTO done.capture_errors, done.unclear_errors FROM outbox.erase_errors(contract) AS f;

  UPDATE outbox.event AS e SET document = NULL, changed = NULL, detail = NULL
  WHERE e.contract_id = contract AND num_nonnulls(e.document, e.changed, e.detail) > 0;
  GET DIAGNOSTICS done.events = ROW_COUNT;

  quotes := ARRAY(SELECT DISTINCT t.error
                  FROM outbox.delivery AS d
                  JOIN outbox.attempt AS t ON t.event_id = d.event_id AND t.connector_id = d.connector_id
                  WHERE d.contract_id = contract AND t.error_code IN ('bad_status_line', 'bad_answer', 'proxy_refused'));
  UPDATE outbox.attempt AS t
  SET response_headers = NULL, response_body = NULL,
      error = CASE WHEN t.outcome IN ('lost', 'interrupted') THEN t.error END
  FROM outbox.delivery AS d
  WHERE d.contract_id = contract AND t.event_id = d.event_id AND t.connector_id = d.connector_id
    AND (num_nonnulls(t.response_headers, t.response_body) > 0
         OR (t.error IS NOT NULL AND t.outcome NOT IN ('lost', 'interrupted')));
  GET DIAGNOSTICS done.attempts = ROW_COUNT;
  PERFORM outbox.erase_words(contract, quotes);

  UPDATE outbox.delivery AS d SET body = NULL WHERE d.contract_id = contract AND d.body IS NOT NULL;
  GET DIAGNOSTICS done.deliveries = ROW_COUNT;

  WITH noted AS (
    DELETE FROM outbox.inbox AS i
    WHERE i.contract_id = contract AND EXISTS (SELECT FROM outbox.event AS e WHERE e.id = i.event_id)
    RETURNING i.event_id
  )
  INSERT INTO outbox.decision (event_id, reason) SELECT n.event_id, 'erased' FROM noted AS n;
  GET DIAGNOSTICS done.notes = ROW_COUNT;

  done.cancelled := outbox.cancel_lanes(contract, by_whom, format('erased by %s: %s', by_whom, why));

  INSERT INTO outbox.erasure (contract_id, erased_by, reason, events, deliveries, attempts, notes, cancelled,
                              capture_errors, unclear_errors)
  VALUES (contract, by_whom, why, done.events, done.deliveries, done.attempts, done.notes, done.cancelled,
          done.capture_errors, done.unclear_errors)
  RETURNING * INTO done;
  PERFORM set_config('outbox.rewrite', '', true);
  RETURN done;
END $$;

COMMENT ON FUNCTION outbox.erase(contract text, by_whom text, why text) IS 'Erases a contract''s content: contract, who asks for it, why. For outbox_eraser and the owner alone.';

CREATE FUNCTION outbox.erase_errors(contract text, OUT erased bigint, OUT unclear bigint) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
-- What is erased is no more recaptured; what is being recaptured is waited for, and found among the events.
DECLARE
  ids bigint[];
BEGIN
  SELECT o.ids, o.unclear INTO ids, unclear FROM outbox.errors_of(contract) AS o;
  UPDATE outbox.capture_error AS c
  SET old_row = NULL, new_row = NULL, differs = NULL, changed = NULL, detail = NULL, message = 'erased',
      recaptured_at = clock_timestamp(), event_ids = '{}'
  WHERE c.id = ANY (ids) AND c.recaptured_at IS NULL;
  GET DIAGNOSTICS erased = ROW_COUNT;
END $$;

CREATE FUNCTION outbox.erase_words(contract text, quotes text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
-- A receiver's broken answer is quoted where its connector was held or disabled for it, and in the alert of that.
DECLARE
  quoted text;
  connectors integer[] := ARRAY(SELECT d.connector_id FROM outbox.delivery AS d WHERE d.contract_id = contract);
BEGIN
  IF cardinality(quotes) = 0 THEN
    RETURN;
  END IF;
  -- In the order of who settles; then the tick of the chore `alerts`, which is held from its look to its last word.
  PERFORM FROM outbox.health AS h WHERE h.connector_id = ANY (connectors) ORDER BY h.connector_id FOR UPDATE;
  PERFORM FROM outbox.periodic AS p WHERE p.name = 'alerts' FOR UPDATE;
  FOREACH quoted IN ARRAY quotes LOOP
    UPDATE outbox.health AS h
    SET last_error = replace(h.last_error, quoted, 'erased'), held_reason = replace(h.held_reason, quoted, 'erased')
    WHERE h.connector_id = ANY (connectors) AND strpos(concat_ws(' ', h.last_error, h.held_reason), quoted) > 0;
    UPDATE outbox.alert AS a
    SET words = replace(a.words, quoted, 'erased'), last_error = replace(a.last_error, quoted, 'erased')
    WHERE strpos(concat_ws(' ', a.words, a.last_error), quoted) > 0;
    UPDATE outbox.connector AS c SET disabled_reason = replace(c.disabled_reason, quoted, 'erased')
    WHERE c.id = ANY (connectors) AND strpos(c.disabled_reason, quoted) > 0;
    UPDATE outbox.connector_version AS v
    SET spec = jsonb_set(v.spec, '{disabled_reason}', to_jsonb(replace(v.spec ->> 'disabled_reason', quoted, 'erased')))
    WHERE v.connector_id = ANY (connectors) AND strpos(v.spec ->> 'disabled_reason', quoted) > 0;
  END LOOP;
END $$;

CREATE TABLE outbox.capture_error (
    id bigint NOT NULL,
    occurred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    rule text NOT NULL,
    relation oid,
    table_name text,
    operation text,
    trigger text,
    contract_id text,
    old_row jsonb,
    new_row jsonb,
    differs text[],
    changed jsonb,
    detail jsonb,
    sqlstate text NOT NULL,
    message text NOT NULL,
    recaptured_at timestamp with time zone,
    event_ids bigint[]
);

COMMENT ON TABLE outbox.capture_error IS 'What a capture trigger could not capture; `outbox recapture` makes events of it.';

CREATE FUNCTION outbox.error_contracts(failed outbox.capture_error) RETURNS text[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '1s'
    AS $_$
#variable_conflict use_variable
-- Whose a recorded failure is, by the rule's own `contract` over the row that was kept. NULL: nobody can tell.
DECLARE
  rule outbox.rule;
  found record;
  contracts text[];
BEGIN
  IF failed.relation IS NULL THEN
    RETURN ARRAY[failed.contract_id];
  END IF;
  -- The mapping's SQL is read under the path that it was installed with.
  PERFORM set_config('search_path', substring(setting FROM '^search_path=(.*)$'), true)
  FROM pg_proc AS p CROSS JOIN LATERAL unnest(p.proconfig) AS setting
  WHERE p.pronamespace = CAST('outbox' AS regnamespace) AND p.proname = 'find_contracts' AND setting LIKE 'search_path=%';
  FOR rule IN SELECT r.* FROM outbox.rules_for(failed) AS r LOOP
    rule.condition := 'true';
    rule.detail := 'NULL::pg_catalog.jsonb';
    rule.compared := false;
    EXECUTE pg_catalog.format(
      'SELECT e.* FROM (SELECT pg_catalog.jsonb_populate_record(NULL::%1$s, $3) AS old,'
      ' pg_catalog.jsonb_populate_record(NULL::%1$s, $4) AS new) AS image'
      ' CROSS JOIN LATERAL outbox.evaluate($1, $2, $5, image.old, image.new) AS e', rule.relation::pg_catalog.regclass)
      INTO found
      USING rule, rule.relation, coalesce(failed.old_row, '{}'), coalesce(failed.new_row, '{}'), failed.operation;
    contracts := contracts || found.contracts;
  END LOOP;
  RETURN contracts;
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END $_$;

CREATE FUNCTION outbox.errors_of(contract text, OUT ids bigint[], OUT unclear bigint) RETURNS record
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- What capture could not read and keeps until `outbox recapture`: the contract's, by its id or its rule, and how many are
  -- nobody knows whose. What was recaptured holds no content.
  SELECT coalesce(array_agg(w.id) FILTER (WHERE contract = ANY (w.contracts)), '{}'), count(*) FILTER (WHERE w.contracts IS NULL)
  FROM (SELECT c.id, CASE WHEN c.contract_id IS NULL THEN outbox.error_contracts(c) ELSE ARRAY[c.contract_id] END AS contracts
        FROM outbox.capture_error AS c WHERE c.recaptured_at IS NULL OFFSET 0) AS w
$$;

CREATE TABLE outbox.rule (
    name text NOT NULL,
    operation text NOT NULL,
    "position" integer NOT NULL,
    trigger text NOT NULL,
    table_name text NOT NULL,
    relation oid NOT NULL,
    contract text NOT NULL,
    condition text NOT NULL,
    detail text NOT NULL,
    compared boolean NOT NULL,
    reported boolean NOT NULL,
    kept text[] NOT NULL,
    ignored text[] NOT NULL,
    spared jsonb NOT NULL,
    known smallint[] NOT NULL,
    recorded smallint[] NOT NULL,
    never text[] NOT NULL,
    on_error text NOT NULL,
    CONSTRAINT rule_on_error_check CHECK ((on_error = ANY (ARRAY['record'::text, 'abort'::text]))),
    CONSTRAINT rule_operation_check CHECK ((operation = ANY (ARRAY['INSERT'::text, 'UPDATE'::text, 'DELETE'::text])))
);

COMMENT ON TABLE outbox.rule IS 'The installed capture rules, for the slow way (a table that changed since install) and for `outbox recapture`.';

COMMENT ON COLUMN outbox.rule.compared IS 'Whether a row whose columns did not change, but for the ignored, raises nothing.';

COMMENT ON COLUMN outbox.rule.reported IS 'Whether the note says which columns changed (the contract''s own table only).';

COMMENT ON COLUMN outbox.rule.spared IS 'Column -> condition under which its change belongs to a send or review instead.';

COMMENT ON COLUMN outbox.rule.known IS 'The numbers of the columns at install; a later column is always recorded.';

COMMENT ON COLUMN outbox.rule.recorded IS 'The numbers of the columns that a capture error keeps, never one under `never`.';

CREATE FUNCTION outbox.evaluate(rule outbox.rule, relation oid, operation text, old anyelement, new anyelement, differs text[] DEFAULT '{}'::text[], OUT contracts text[], OUT changed jsonb, OUT detail jsonb) RETURNS record
    LANGUAGE plpgsql
    AS $$
#variable_conflict use_variable
-- The slow way: no plan is kept, so that a table which changed under a running session is read as it is now.
-- All NULL where the rule does not apply. `differs`: columns that changed, but whose values a capture error did not keep.
BEGIN
  EXECUTE outbox.rule_statement(rule, relation, operation, differs) INTO contracts, changed, detail USING old, new;
  IF NOT rule.reported THEN
    changed := NULL;
  END IF;
  IF cardinality(rule.never) > 0 THEN
    detail := outbox.without(detail, rule.never);
  END IF;
END $$;

CREATE FUNCTION outbox.evaluate_again(rule_name text, on_error text, rule_operation text, relation oid, operation text, old anyelement, new anyelement, state text, message text, OUT contracts text[], OUT changed jsonb, OUT detail jsonb) RETURNS record
    LANGUAGE plpgsql
    AS $$
#variable_conflict use_variable
-- After the compiled form failed, or found a row that differs in nothing it knows: once more by the slow way; what
-- fails there too is recorded. A lock that could not be had is not waited for again.
DECLARE
  failure outbox.failure;
BEGIN
  IF state IS DISTINCT FROM '55P03' THEN
    BEGIN
      SELECT e.contracts, e.changed, e.detail INTO contracts, changed, detail
      FROM outbox.evaluate_named(rule_name, rule_operation, relation, operation, old, new) AS e;
      IF state = '42804' THEN
        -- A column's type changed in this session: its plans are made anew, and the fast way works again.
        DISCARD PLANS;
      END IF;
      RETURN;
    EXCEPTION
      WHEN serialization_failure THEN RAISE;
      WHEN OTHERS THEN
        state := SQLSTATE;
        message := SQLERRM;
    END;
  END IF;
  contracts := NULL;
  changed := NULL;
  detail := NULL;
  BEGIN
    failure := outbox.named_failure(rule_name, rule_operation, relation, operation, old, new, state, message);
  EXCEPTION
    WHEN serialization_failure THEN RAISE;
    WHEN OTHERS THEN
      failure.rule := rule_name;
      failure.operation := operation;
      failure.relation := relation;
      failure.sqlstate := state;
      failure.message := pg_catalog.format('%s (its words and its row could not be kept: %s)', state, SQLSTATE);
  END;
  PERFORM outbox.fail(failure, on_error);
END $$;

CREATE FUNCTION outbox.evaluate_named(rule_name text, rule_operation text, relation oid, operation text, old anyelement, new anyelement, OUT contracts text[], OUT changed jsonb, OUT detail jsonb) RETURNS record
    LANGUAGE plpgsql
    AS $$
#variable_conflict use_variable
DECLARE
  rule outbox.rule;
BEGIN
  SELECT r.* INTO STRICT rule FROM outbox.rule AS r WHERE r.name = rule_name AND r.operation = rule_operation;
  SELECT e.contracts, e.changed, e.detail INTO contracts, changed, detail
  FROM outbox.evaluate(rule, relation, operation, old, new) AS e;
END $$;

CREATE FUNCTION outbox.facts() RETURNS text[]
    LANGUAGE sql IMMUTABLE
    AS $$
  -- In the order in which routing locks them: whoever locks all takes the same, and waits for nobody who waits for him.
  SELECT ARRAY['event', 'decision', 'delivery', 'attempt', 'replay']
$$;

CREATE FUNCTION outbox.fail(failure outbox.failure, on_error text) RETURNS void
    LANGUAGE plpgsql
    AS $$
-- Records, or stops the application where the mapping asks for that (and always while recapturing).
BEGIN
  IF on_error = 'abort' OR outbox.in_this_transaction('outbox.recapturing') THEN
    RAISE EXCEPTION USING ERRCODE = failure.sqlstate,
      MESSAGE = pg_catalog.format('outbox: %s was not captured: %s', failure.rule, failure.message);
  END IF;
  PERFORM outbox.write_error(failure);
END $$;

CREATE FUNCTION outbox.gap_of_caught(OUT range_start bigint, OUT range_end bigint, OUT gaps bigint) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION outbox.grant_installed() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
-- What install generates to read the source, the relay may call; it needs no right on the source itself. Only where
-- `migrate --roles` made outbox_owner the owner.
DECLARE
  reader regprocedure;
BEGIN
  IF EXISTS (SELECT FROM pg_namespace AS n WHERE n.nspname = 'outbox' AND n.nspowner = to_regrole('outbox_owner')) THEN
    FOR reader IN
      SELECT p.oid FROM pg_proc AS p
      WHERE p.pronamespace = CAST('outbox' AS regnamespace) AND p.prorettype <> CAST('trigger' AS regtype)
        AND obj_description(p.oid, 'pg_proc') LIKE 'Generated by outbox install%'
    LOOP
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO outbox_relay, outbox_web', reader);
    END LOOP;
  END IF;
END $$;

CREATE FUNCTION outbox.guard_partition(part regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
-- Row triggers come with ATTACH, a trigger on TRUNCATE does not.
BEGIN
  EXECUTE format('CREATE OR REPLACE TRIGGER append_only_whole BEFORE TRUNCATE ON %s FOR EACH STATEMENT'
                 ' EXECUTE FUNCTION outbox.append_only()', part);
END $$;

CREATE FUNCTION outbox.holders(relations text[]) RETURNS TABLE(holder text, transaction text, since timestamp with time zone)
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION outbox.holds_open(range_start bigint, range_end bigint) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- Notes to be routed, and deliveries to be made, first or again; by index, however many wait elsewhere.
  SELECT EXISTS (SELECT FROM outbox.inbox AS i WHERE i.event_id >= range_start AND i.event_id < range_end)
    OR EXISTS (SELECT FROM outbox.connector AS c
               CROSS JOIN LATERAL (SELECT FROM outbox.queue AS q
                                   WHERE q.connector_id = c.id AND q.event_id >= range_start AND q.event_id < range_end
                                   LIMIT 1) AS open)
$$;

CREATE FUNCTION outbox.in_this_transaction(mark text) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
  -- Marks are transaction-local settings: a rollback to a savepoint takes them back, as it does the locks they stand for.
  SELECT coalesce(pg_catalog.current_setting(mark, true) = pg_catalog.pg_current_xact_id()::text, false)
$$;

CREATE FUNCTION outbox.insert_error(failure outbox.failure) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
  INSERT INTO outbox.capture_error (relation, table_name, operation, rule, trigger, contract_id, old_row, new_row, differs,
                                    changed, detail, sqlstate, message)
  SELECT failure.*;
END $$;

CREATE FUNCTION outbox.installed_objects() RETURNS TABLE(name text, kind text, table_oid oid, table_name text, enabled text, digest text, drop_statement text)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- What install made, found by the catalogue alone: our functions by their comment, triggers by the function they call.
  -- Only a table's owner may drop a trigger on it; whoever is not drops the function that it calls, and it goes with it.
  SELECT 'function outbox.' || p.proname, 'function', NULL::oid, NULL, NULL, md5(pg_get_functiondef(p.oid)),
         format('DROP FUNCTION IF EXISTS %s;', p.oid::regprocedure)
  FROM pg_proc AS p
  WHERE p.pronamespace = 'outbox'::regnamespace
    AND obj_description(p.oid, 'pg_proc') LIKE 'Generated by outbox install%'
  UNION ALL
  SELECT format('trigger %s on %s.%s', t.tgname, n.nspname, c.relname), 'trigger', c.oid, format('%I.%I', n.nspname, c.relname),
         t.tgenabled::text, md5(pg_get_triggerdef(t.oid) || t.tgenabled::text),
         CASE WHEN pg_has_role(c.relowner, 'USAGE') THEN format('DROP TRIGGER %I ON %I.%I;', t.tgname, n.nspname, c.relname)
              ELSE format('DROP FUNCTION IF EXISTS %s CASCADE;', p.oid::regprocedure) END
  FROM pg_trigger AS t
  JOIN pg_class AS c ON c.oid = t.tgrelid
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_proc AS p ON p.oid = t.tgfoid
  WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND p.pronamespace = 'outbox'::regnamespace
    AND (p.proname = 'capture' OR p.proname LIKE 'note\_%')
$$;

CREATE FUNCTION outbox.kept_for(keep interval) RETURNS interval
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- What is asked for, or the owner's floor where that is longer; without its row, for ever.
  SELECT greatest(keep, coalesce((SELECT r.keep_at_least FROM outbox.retention AS r), interval '1000 years'))
$$;

CREATE FUNCTION outbox.key_of(fact text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
  SELECT CASE fact WHEN 'event' THEN 'id' ELSE 'event_id' END
$$;

CREATE FUNCTION outbox.known_zone(VARIADIC zones text[]) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
-- The first that the server knows: a mistyped zone of one row must not stop the scan of all.
DECLARE
  zone text;
BEGIN
  FOREACH zone IN ARRAY zones LOOP
    BEGIN
      IF now() AT TIME ZONE zone IS NOT NULL THEN
        RETURN zone;
      END IF;
    EXCEPTION
      WHEN invalid_parameter_value THEN CONTINUE;
    END;
  END LOOP;
  RETURN NULL;
END $$;

CREATE FUNCTION outbox.lock_briefly(relations text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION outbox.lock_disabled(contract text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
-- The connectors whose reason quotes one of the contract's answers: before any lane, as who edits one takes them. No
-- other, for routing wants them all.
BEGIN
  PERFORM FROM outbox.connector AS c
  WHERE c.disabled_reason IS NOT NULL
    AND c.id = ANY (ARRAY(SELECT d.connector_id FROM outbox.delivery AS d WHERE d.contract_id = contract))
    AND EXISTS (SELECT FROM outbox.delivery AS d JOIN outbox.attempt AS t USING (event_id, connector_id)
                WHERE d.contract_id = contract AND t.error_code IN ('bad_status_line', 'bad_answer', 'proxy_refused')
                  AND strpos(c.disabled_reason, t.error) > 0)
  ORDER BY c.id FOR NO KEY UPDATE;
END $$;

CREATE FUNCTION outbox.make_ahead(ahead integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION outbox.make_partition(range_start bigint, range_end bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION outbox.may_go(range_start bigint, range_end bigint, keep interval) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- Full, with facts, and nothing of it young, open or to be counted. The newest event first: that alone keeps most ranges.
  SELECT CASE WHEN range_end <= (SELECT s.last_value FROM outbox.event_id AS s)
                   AND outbox.newest_event(range_start, range_end) < clock_timestamp() - keep
              THEN NOT outbox.holds_open(range_start, range_end)
                   AND NOT outbox.younger(range_start, range_end, clock_timestamp() - keep)
                   AND NOT outbox.uncounted(range_start, range_end)
              ELSE false END
$$;

CREATE FUNCTION outbox.named_failure(rule_name text, rule_operation text, relation oid, operation text, old anyelement, new anyelement, state text, message text) RETURNS outbox.failure
    LANGUAGE plpgsql STABLE
    AS $$
#variable_conflict use_variable
DECLARE
  rule outbox.rule;
BEGIN
  SELECT r.* INTO STRICT rule FROM outbox.rule AS r WHERE r.name = rule_name AND r.operation = rule_operation;
  RETURN outbox.rule_failure(rule, relation, operation, old, new, state, message);
END $$;

CREATE FUNCTION outbox.newest_event(range_start bigint, range_end bigint) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  SELECT e.occurred_at FROM outbox.event AS e WHERE e.id >= range_start AND e.id < range_end ORDER BY e.id DESC LIMIT 1
$$;

CREATE FUNCTION outbox.next_note() RETURNS bigint
    LANGUAGE plpgsql
    AS $$
-- A note's id, marked as the last of its transaction before it is inserted: capture may run with the insert.
-- The mark outbox.noted is the transaction, its oldest note that waits for capture, and its last note.
DECLARE
  id bigint := pg_catalog.nextval('outbox.event_id');
  me text := pg_catalog.pg_current_xact_id()::text;
  noted text[] := pg_catalog.string_to_array(pg_catalog.current_setting('outbox.noted', true), '/');
  oldest bigint := id;
BEGIN
  IF noted[1] = me AND noted[2]::bigint <= noted[3]::bigint THEN
    oldest := noted[2];
  END IF;
  PERFORM pg_catalog.set_config('outbox.noted', pg_catalog.concat_ws('/', me, oldest, id), true);
  RETURN id;
END $$;

CREATE FUNCTION outbox.note(rule text, on_error text, trigger text, contracts text[], changed jsonb, detail jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
#variable_conflict use_variable
-- One note for each contract; a row without a contract concerns none, and is counted.
DECLARE
  one text;
  before text;
  failure outbox.failure;
BEGIN
  FOREACH one IN ARRAY contracts LOOP
    IF one IS NULL THEN
      PERFORM pg_catalog.nextval('outbox.filtered');
      CONTINUE;
    END IF;
    before := pg_catalog.current_setting('outbox.noted', true);
    IF pg_catalog.split_part(before, '/', 1) = pg_catalog.pg_current_xact_id()::text
       AND pg_catalog.octet_length(one) < 1000 THEN
      PERFORM pg_catalog.set_config('lock_timeout', '0', true);
      INSERT INTO outbox.inbox (event_id, trigger, contract_id, changed, detail)
      VALUES (outbox.next_note(), trigger, one, changed, detail)
      ON CONFLICT DO NOTHING;
      CONTINUE WHEN FOUND;
      PERFORM pg_catalog.set_config('outbox.noted', before, true);
      failure.sqlstate := '23505';
      failure.message := 'the sequence outbox.event_id gave an id that stands already';
    ELSIF outbox.in_this_transaction('outbox.impatient') THEN
      failure.sqlstate := '55P03';
      failure.message := 'not tried: this transaction has waited for a lock once';
    ELSE
      BEGIN
        INSERT INTO outbox.inbox (event_id, trigger, contract_id, changed, detail)
        VALUES (outbox.next_note(), trigger, one, changed, detail);
        CONTINUE;
      EXCEPTION
        WHEN serialization_failure THEN RAISE;
        WHEN OTHERS THEN
          failure.sqlstate := SQLSTATE;
          failure.message := SQLERRM;
      END;
    END IF;
    failure.rule := rule;
    failure.trigger := trigger;
    failure.contract_id := one;
    failure.changed := changed;
    failure.detail := detail;
    PERFORM outbox.fail(failure, on_error);
  END LOOP;
END $$;

CREATE FUNCTION outbox.note_failure(note outbox.inbox, state text, message text) RETURNS outbox.failure
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  failure outbox.failure;
BEGIN
  failure.rule := 'contract';
  failure.trigger := note.trigger;
  failure.contract_id := note.contract_id;
  failure.changed := note.changed;
  failure.detail := note.detail;
  failure.sqlstate := state;
  failure.message := outbox.redacted(message, state);
  RETURN failure;
END $$;

CREATE FUNCTION outbox.note_late(failed outbox.capture_error, contracts text[], changed jsonb, detail jsonb) RETURNS bigint[]
    LANGUAGE sql
    AS $$
  -- Of the time when it happened, though its id is of now.
  WITH made AS (
    INSERT INTO outbox.inbox (trigger, contract_id, changed, detail, occurred_at)
    SELECT (failed).trigger, c.contract_id, changed, detail, (failed).occurred_at
    FROM pg_catalog.unnest(contracts) AS c (contract_id) WHERE c.contract_id IS NOT NULL
    RETURNING event_id)
  SELECT coalesce(pg_catalog.array_agg(made.event_id), '{}') FROM made
$$;

CREATE FUNCTION outbox.one_at_a_time() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
-- Two workers at once make no step of upkeep together: the one that comes second leaves it for the next minute. Between
-- steps they may take turns: each step begins with what stands.
BEGIN
  IF NOT pg_try_advisory_xact_lock(7231002) THEN
    RAISE EXCEPTION USING ERRCODE = 'lock_not_available', MESSAGE = 'another session is at the upkeep';
  END IF;
END $$;

CREATE FUNCTION outbox.prunable(keep interval) RETURNS SETOF bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- Where the ranges begin that may go, oldest first.
  SELECT r.range_start FROM outbox.ranges('event') AS r
  WHERE outbox.may_go(r.range_start, r.range_end, outbox.kept_for(keep)) ORDER BY r.range_start
$$;

CREATE FUNCTION outbox.prune(first_id bigint, asked interval) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION outbox.raise_due(after timestamp with time zone, until timestamp with time zone, most integer, one_contract text DEFAULT NULL::text) RETURNS TABLE(found bigint, raised bigint, first_event bigint, last_event bigint, floor timestamp with time zone, noted text, woken text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
-- Raises what is due, oldest first: mark, event and note in one statement, so that the contract is open, its deadline
-- passed and its document read in one snapshot. Whoever marks a deadline first raises it; marks are made in one order.
-- The capture trigger on the inbox is told (outbox.noted) that these notes have their events.
BEGIN
  RETURN QUERY
  WITH due AS MATERIALIZED (
    SELECT e.contract_id, e.subject, e.deadline, e.detail, e.floor, nextval('outbox.event_id') AS event_id
    FROM outbox.expiring(after, until, most) AS e
    WHERE one_contract IS NULL OR e.contract_id = one_contract
  ), marked AS (
    INSERT INTO outbox.expiry (contract_id, subject, deadline, event_id)
    SELECT d.contract_id, d.subject, d.deadline, d.event_id FROM due AS d ORDER BY d.contract_id, d.subject, d.deadline
    ON CONFLICT DO NOTHING
    RETURNING event_id
  ), written AS (
    INSERT INTO outbox.event (id, occurred_at, xid, snapshot, trigger, contract_id, business_unit, status, detail, document)
    SELECT d.event_id, d.deadline, pg_current_xact_id(), f.snapshot, 'expired', d.contract_id, f.business_unit, f.status,
           d.detail, f.document
    FROM due AS d
    JOIN marked AS m ON m.event_id = d.event_id
    JOIN outbox.find_contracts(ARRAY(SELECT DISTINCT u.contract_id FROM due AS u)) AS f ON f.contract_id = d.contract_id
    WHERE f.standing = 'found'
    ORDER BY d.event_id
    RETURNING id, occurred_at, contract_id, detail
  ), noted AS (
    INSERT INTO outbox.inbox (event_id, occurred_at, trigger, contract_id, detail)
    SELECT w.id, w.occurred_at, 'expired', w.contract_id, w.detail FROM written AS w
    RETURNING event_id
  )
  SELECT (SELECT count(*) FROM due) AS found, n.raised, n.first_event, n.last_event, (SELECT max(d.floor) FROM due AS d) AS floor,
         CASE WHEN n.raised > 0 THEN
           set_config('outbox.noted', concat_ws('/', pg_current_xact_id(), n.last_event + 1, n.last_event), true) END AS noted,
         CASE WHEN n.raised > 0 THEN CAST(outbox.wake('notify') AS text) END AS woken
  FROM (SELECT count(*) AS raised, min(event_id) AS first_event, max(event_id) AS last_event FROM noted) AS n;
END $$;

CREATE FUNCTION outbox.raise_expiry(event_id bigint, contract_id text, deadline timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
#variable_conflict use_variable
-- One `expired` for a deadline, whoever is first; a contract without a deadline has none to share.
BEGIN
  INSERT INTO outbox.expiry AS x (contract_id, deadline, event_id)
  SELECT contract_id, deadline, event_id WHERE deadline IS NOT NULL
  ON CONFLICT DO NOTHING;
  RETURN FOUND OR deadline IS NULL;
END $$;

CREATE FUNCTION outbox.range_size() RETURNS bigint
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT 5000000::bigint $$;

CREATE FUNCTION outbox.ranges(fact text) RETURNS TABLE(part text, range_start bigint, range_end bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  -- What is attached, by the catalogue; the default partition has no bounds, and is not among them.
  SELECT b.part, b.bounds[1]::bigint, b.bounds[2]::bigint
  FROM (SELECT c.relname::text AS part,
               regexp_match(pg_get_expr(c.relpartbound, c.oid), $re$FROM \('(-?\d+)'\) TO \('(-?\d+)'\)$re$) AS bounds
        FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = format('outbox.%I', fact)::regclass) AS b
  WHERE b.bounds IS NOT NULL
$_$;

CREATE FUNCTION outbox.recapture(after bigint, most integer, OUT last_id bigint, OUT recaptured bigint, OUT failed bigint) RETURNS record
    LANGUAGE plpgsql
    SET lock_timeout TO '10s'
    SET "TimeZone" TO 'UTC'
    AS $$
#variable_conflict use_variable
-- Makes events of the next recorded rows, each on its own, by the rules that are installed now; what fails again stays.
-- What became events is needed no more: kept beside them, it could be told by no contract, and never be erased.
DECLARE
  one outbox.capture_error;
  ids bigint[];
BEGIN
  recaptured := 0;
  failed := 0;
  PERFORM pg_catalog.set_config('outbox.recapturing', pg_catalog.pg_current_xact_id()::text, true);
  FOR one IN
    SELECT * FROM outbox.capture_error AS e
    WHERE e.recaptured_at IS NULL AND e.id > after ORDER BY e.id LIMIT most FOR UPDATE SKIP LOCKED
  LOOP
    last_id := one.id;
    BEGIN
      ids := outbox.recapture_one(one);
      SET CONSTRAINTS outbox."outbox_capture" IMMEDIATE;
      UPDATE outbox.capture_error AS e
      SET recaptured_at = pg_catalog.clock_timestamp(), event_ids = ids, old_row = NULL, new_row = NULL, differs = NULL,
          changed = NULL, detail = NULL, message = outbox.redacted(e.message, e.sqlstate, ARRAY['*'])
      WHERE e.id = one.id;
      recaptured := recaptured + 1;
    EXCEPTION
      WHEN serialization_failure THEN RAISE;
      WHEN OTHERS THEN
        UPDATE outbox.capture_error AS e
        SET sqlstate = SQLSTATE, message = outbox.redacted(SQLERRM, SQLSTATE) WHERE e.id = one.id;
        failed := failed + 1;
    END;
  END LOOP;
END $$;

CREATE FUNCTION outbox.recapture_expired(failed outbox.capture_error) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
-- Whether it is still due is for the next scan to find: no longer kept out, it looks at every deadline again. But none
-- looks so far back as `since`: what a backfill asked for is raised here.
DECLARE
  since timestamptz;
BEGIN
  UPDATE outbox.expiry_scan AS s SET swept_at = NULL, worker = NULL, due_at = pg_catalog.clock_timestamp()
  RETURNING s.since INTO since;
  IF since IS NULL THEN
    RAISE EXCEPTION 'no mapping with [expired] is installed, so nothing can expire';
  ELSIF failed.occurred_at > since THEN
    RETURN '{}';
  END IF;
  UPDATE outbox.capture_error AS e SET recaptured_at = pg_catalog.clock_timestamp() WHERE e.id = failed.id;
  PERFORM outbox.raise_due(failed.occurred_at - interval '1 microsecond', failed.occurred_at, NULL, failed.contract_id);
  RETURN ARRAY(SELECT x.event_id FROM outbox.expiry AS x
               WHERE x.contract_id = failed.contract_id AND x.deadline = failed.occurred_at ORDER BY x.event_id);
END $$;

CREATE FUNCTION outbox.recapture_one(failed outbox.capture_error) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $_$
#variable_conflict use_variable
DECLARE
  ids bigint[] := '{}';
  rule outbox.rule;
  found record;
  tried boolean := false;
BEGIN
  IF failed.relation IS NULL AND failed.rule = 'expired' THEN
    RETURN outbox.recapture_expired(failed);
  END IF;
  IF failed.relation IS NULL THEN
    RETURN outbox.note_late(failed, ARRAY[failed.contract_id], failed.changed, failed.detail);
  END IF;
  FOR rule IN SELECT r.* FROM outbox.rules_for(failed) AS r ORDER BY r.position LOOP
    tried := true;
    EXECUTE pg_catalog.format(
      'SELECT e.* FROM (SELECT pg_catalog.jsonb_populate_record(NULL::%1$s, $3) AS old,'
      ' pg_catalog.jsonb_populate_record(NULL::%1$s, $4) AS new) AS image'
      ' CROSS JOIN LATERAL outbox.evaluate($1, $2, $5, image.old, image.new, $6) AS e', rule.relation::regclass)
      INTO found
      USING rule, rule.relation, coalesce(failed.old_row, '{}'), coalesce(failed.new_row, '{}'), failed.operation,
            coalesce(failed.differs, '{}');
    ids := ids || outbox.note_late(failed, found.contracts, found.changed, found.detail);
  END LOOP;
  IF NOT tried THEN
    RAISE EXCEPTION 'the installed mapping has no rule for % on % of %', failed.trigger, failed.operation, failed.table_name;
  END IF;
  RETURN ids;
END $_$;

CREATE FUNCTION outbox.record_due(after timestamp with time zone, until timestamp with time zone, state text, words text) RETURNS SETOF text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
-- Records the oldest due deadline, whose contract can't be read: it is left out from now on, until `outbox recapture`.
BEGIN
  RETURN QUERY
  INSERT INTO outbox.capture_error (occurred_at, rule, trigger, contract_id, detail, sqlstate, message)
  SELECT e.deadline, 'expired', 'expired', e.contract_id, e.detail, state, outbox.redacted(words, state)
  FROM outbox.expiring(after, until, 1) AS e
  RETURNING capture_error.contract_id;
END $$;

CREATE FUNCTION outbox.recorded_row(rule outbox.rule, relation oid, image jsonb) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- By column number, so that a renamed column is kept, or kept out, like before; partitions are read by their root.
  SELECT jsonb_object_agg(a.attname, image -> a.attname)
  FROM pg_attribute AS a
  WHERE a.attrelid = CASE WHEN EXISTS (SELECT FROM pg_class WHERE oid = (rule).relation) THEN (rule).relation ELSE relation END
    AND a.attnum > 0 AND NOT a.attisdropped AND image ? a.attname AND a.attname <> ALL ((rule).never)
    AND (a.attnum = ANY ((rule).recorded) OR a.attnum <> ALL ((rule).known))
$$;

CREATE FUNCTION outbox.redacted(message text, state text) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
-- By every `never` that is installed.
BEGIN
  RETURN outbox.redacted(message, state, ARRAY(SELECT DISTINCT unnest(r.never) FROM outbox.rule AS r));
EXCEPTION
  WHEN serialization_failure THEN RAISE;
  WHEN OTHERS THEN RETURN outbox.redacted(message, state, ARRAY['*']);
END $$;

CREATE FUNCTION outbox.redacted(message text, state text, never text[]) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- An error's words may quote a value. With `never` in force only those are kept that name objects, locks or limits.
  SELECT CASE WHEN cardinality(never) = 0 THEN left(message, 2000)
              WHEN left(state, 2) IN ('40', '42', '53', '54', '55', '57') AND state NOT IN ('42601', '42602')
              THEN left(message, 2000)
              ELSE 'its words are withheld, for they may quote a value under `never`' END
$$;

CREATE FUNCTION outbox.row_image(relation oid, whole anyelement) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
-- A row as jsonb; where one of its values has no jsonb form (such as \u0000 in json), the other columns.
DECLARE
  image jsonb := '{}';
  one jsonb;
  name text;
BEGIN
  RETURN to_jsonb(whole);
EXCEPTION
  WHEN serialization_failure THEN RAISE;
  WHEN OTHERS THEN
    FOR name IN SELECT a.attname FROM pg_attribute AS a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped LOOP
      BEGIN
        EXECUTE format('SELECT to_jsonb(($1).%I)', name) INTO one USING whole;
        image := image || jsonb_build_object(name, one);
      EXCEPTION
        WHEN serialization_failure THEN RAISE;
        WHEN OTHERS THEN CONTINUE;
      END;
    END LOOP;
    RETURN image;
END $_$;

CREATE FUNCTION outbox.rule_failure(rule outbox.rule, relation oid, operation text, old anyelement, new anyelement, state text, message text) RETURNS outbox.failure
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  failure outbox.failure;
  was jsonb;
  is_now jsonb;
BEGIN
  failure.relation := rule.relation;
  failure.table_name := rule.table_name;
  failure.operation := operation;
  failure.rule := rule.name;
  failure.trigger := rule.trigger;
  failure.sqlstate := state;
  was := CASE WHEN operation <> 'INSERT' THEN outbox.row_image(relation, old) END;
  is_now := CASE WHEN operation <> 'DELETE' THEN outbox.row_image(relation, new) END;
  IF operation = 'UPDATE' THEN
    -- A value that only one row could keep is kept of neither, so that no half of a change is told.
    SELECT was - lost.names, is_now - lost.names INTO was, is_now
    FROM (SELECT coalesce(array_agg(k), '{}') AS names FROM jsonb_object_keys(was || is_now) AS k
          WHERE NOT was ? k OR NOT is_now ? k) AS lost;
  END IF;
  failure.message := outbox.redacted(message, state, rule.never);
  failure.old_row := outbox.recorded_row(rule, relation, was);
  failure.new_row := outbox.recorded_row(rule, relation, is_now);
  IF operation = 'UPDATE' THEN
    failure.differs := ARRAY(
      SELECT a.attname::text FROM pg_attribute AS a
      WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> ALL (rule.never)
        AND ((is_now -> a.attname)::text IS DISTINCT FROM (was -> a.attname)::text
             OR NOT is_now ? a.attname)
      ORDER BY 1);
  END IF;
  RETURN failure;
END $$;

CREATE FUNCTION outbox.rule_statement(rule outbox.rule, relation oid, operation text, differs text[]) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
-- A rule as one SELECT over the rows $1 (old) and $2 (new), written for the columns that the table has now.
DECLARE
  sources text := CASE operation
    WHEN 'INSERT' THEN '(SELECT ($2).*) AS new LEFT JOIN (SELECT ($2).*) AS old ON false'
    WHEN 'DELETE' THEN '(SELECT ($1).*) AS old LEFT JOIN (SELECT ($1).*) AS new ON false'
    ELSE '(SELECT ($1).*) AS old CROSS JOIN (SELECT ($2).*) AS new' END;
  pairs text;
BEGIN
  IF NOT rule.compared OR operation <> 'UPDATE' THEN
    RETURN format(E'SELECT ARRAY(SELECT DISTINCT q.contract FROM (%s\n) AS q (contract)), NULL::jsonb, (%s\n)\nFROM %s\nWHERE (%s\n)',
                  rule.contract, rule.detail, sources, rule.condition);
  END IF;
  SELECT string_agg(format('(%L, CASE WHEN %s%s THEN %s END)', a.attname,
                           CASE WHEN a.attname = ANY (differs) THEN 'true'
                                ELSE format('record_image_ne(ROW(old.%1$I), ROW(new.%1$I))', a.attname) END,
                           CASE WHEN rule.spared ? a.attname
                                THEN format(E' AND (%s\n) IS NOT TRUE', rule.spared ->> a.attname) ELSE '' END,
                           CASE WHEN a.attname = ANY (rule.kept) AND a.attname = ANY (differs)
                                THEN format('CASE WHEN record_image_ne(ROW(old.%1$I), ROW(new.%1$I))'
                                            ' THEN jsonb_build_array(old.%1$I, new.%1$I) ELSE ''null'' END', a.attname)
                                WHEN a.attname = ANY (rule.kept)
                                THEN format('jsonb_build_array(old.%1$I, new.%1$I)', a.attname)
                                ELSE '''null''::jsonb' END),
                    ', ' ORDER BY a.attnum)
  INTO pairs
  FROM pg_attribute AS a
  WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> ALL (rule.ignored);
  RETURN format(E'SELECT ARRAY(SELECT DISTINCT q.contract FROM (%s\n) AS q (contract)), d.changed, (%s\n)\nFROM %s\n'
                'CROSS JOIN LATERAL (SELECT jsonb_object_agg(c.name, c.pair) AS changed FROM (VALUES %s) AS c (name, pair)'
                ' WHERE c.pair IS NOT NULL) AS d\nWHERE d.changed IS NOT NULL AND (%s\n)',
                rule.contract, rule.detail, sources, coalesce(pairs, '(NULL, NULL::jsonb)'), rule.condition);
END $_$;

CREATE FUNCTION outbox.rules_for(failed outbox.capture_error) RETURNS SETOF outbox.rule
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- The rule of that name; where the mapping was rewritten, every rule of that trigger, table and operation.
  WITH candidate AS (
    SELECT r, r.name = (failed).rule AS named FROM outbox.rule AS r
    WHERE r.trigger = (failed).trigger AND r.operation = (failed).operation
      AND (r.relation = (failed).relation OR r.table_name = (failed).table_name))
  SELECT (c.r).* FROM candidate AS c
  WHERE c.named OR NOT EXISTS (SELECT FROM candidate AS n WHERE n.named)
$$;

CREATE FUNCTION outbox.stays(relations text[]) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION outbox.strays() RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
-- The default partitions that hold rows, NULL where none does: partitions are granted to nobody.
BEGIN
  RETURN nullif(concat_ws(', ',
    CASE WHEN EXISTS (SELECT FROM outbox.event_default) THEN 'outbox.event_default' END,
    CASE WHEN EXISTS (SELECT FROM outbox.decision_default) THEN 'outbox.decision_default' END,
    CASE WHEN EXISTS (SELECT FROM outbox.delivery_default) THEN 'outbox.delivery_default' END,
    CASE WHEN EXISTS (SELECT FROM outbox.attempt_default) THEN 'outbox.attempt_default' END,
    CASE WHEN EXISTS (SELECT FROM outbox.replay_default) THEN 'outbox.replay_default' END), '');
END $$;

CREATE FUNCTION outbox.sweep_strays(most integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '1s'
    AS $$
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

CREATE FUNCTION outbox.uncounted(range_start bigint, range_end bigint) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET jit TO 'off'
    AS $$
  -- Whether any attempt of it is of a day that is still to be counted into connector_day: days are, oldest first.
  SELECT EXISTS (SELECT FROM outbox.attempt AS a
                 WHERE a.event_id >= range_start AND a.event_id < range_end AND a.kind <> 'test'
                   AND a.started_at >= coalesce(CAST((SELECT max(k.day) + 1 FROM outbox.connector_day AS k) AS timestamp)
                                                AT TIME ZONE 'UTC', '-infinity'))
$$;

CREATE FUNCTION outbox.waiting_notes(oldest bigint, last bigint) RETURNS outbox.inbox[]
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
-- By the primary key, though the inbox may have grown a thousandfold since it was analyzed.
BEGIN
  RETURN ARRAY(SELECT i FROM outbox.inbox AS i
               WHERE i.event_id BETWEEN oldest AND last AND i.xid = pg_current_xact_id() ORDER BY i.event_id);
END $$;

CREATE FUNCTION outbox.wake(wakeup text) RETURNS void
    LANGUAGE plpgsql
    AS $$
-- Only while this transaction commits, and only one transaction at a time: a NOTIFY makes commits queue.
BEGIN
  IF wakeup = 'notify' AND pg_try_advisory_xact_lock(7231003, 1) THEN
    PERFORM pg_notify('outbox', '');
  END IF;
END $$;

CREATE FUNCTION outbox.without(document jsonb, never text[]) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE
    AS $_$
-- At every depth: a joined row that was aggregated whole is stripped like the contract's own.
BEGIN
  IF pg_catalog.jsonb_typeof(document) = 'object' THEN
    document := document - never;
    IF pg_catalog.jsonb_path_exists(document, '$.* ? (@.type() == "object" || @.type() == "array")') THEN
      SELECT pg_catalog.jsonb_object_agg(o.key, CASE WHEN pg_catalog.jsonb_typeof(o.value) IN ('object', 'array')
                                                THEN outbox.without(o.value, never) ELSE o.value END)
      INTO document FROM pg_catalog.jsonb_each(document) AS o;
    END IF;
  ELSIF pg_catalog.jsonb_typeof(document) = 'array' AND document <> '[]' THEN
    SELECT pg_catalog.jsonb_agg(CASE WHEN pg_catalog.jsonb_typeof(l.value) IN ('object', 'array')
                                THEN outbox.without(l.value, never) ELSE l.value END ORDER BY l.n)
    INTO document FROM pg_catalog.jsonb_array_elements(document) WITH ORDINALITY AS l (value, n);
  END IF;
  RETURN document;
END $_$;

CREATE FUNCTION outbox.write_error(failure outbox.failure) RETURNS void
    LANGUAGE plpgsql
    AS $$
-- Nothing that goes wrong here may reach the application: its last resort is a warning in the server's log.
DECLARE
  unrecorded text;
BEGIN
  IF failure.sqlstate = '55P03' THEN
    -- A rule that waited says nothing of the inbox, nor the inbox of rules: each is waited for once.
    PERFORM pg_catalog.set_config(CASE WHEN failure.relation IS NULL THEN 'outbox.impatient' ELSE 'outbox.impatient_rules' END,
                                  pg_catalog.pg_current_xact_id()::text, true),
            pg_catalog.set_config('lock_timeout', '1ms', true);
  END IF;
  IF outbox.in_this_transaction('outbox.recorded') THEN
    PERFORM pg_catalog.set_config('lock_timeout', '0', true);
    PERFORM outbox.insert_error(failure);
    PERFORM pg_catalog.set_config('lock_timeout', '200ms', true);
    RETURN;
  ELSIF outbox.in_this_transaction('outbox.unrecorded') THEN
    unrecorded := 'as before';
  ELSE
    BEGIN
      PERFORM outbox.insert_error(failure);
      PERFORM pg_catalog.set_config('outbox.recorded', pg_catalog.pg_current_xact_id()::text, true);
      RAISE WARNING 'outbox: % was not captured, but recorded for `outbox recapture`: % (%)',
        failure.rule, failure.message, failure.sqlstate;
      RETURN;
    EXCEPTION
      WHEN serialization_failure THEN RAISE;
      WHEN OTHERS THEN unrecorded := SQLERRM;
    END;
    PERFORM pg_catalog.set_config('outbox.unrecorded', pg_catalog.pg_current_xact_id()::text, true);
  END IF;
  RAISE WARNING 'outbox: % was neither captured (%) nor recorded (%): contract %, table %',
    failure.rule, failure.message, unrecorded, failure.contract_id, failure.table_name;
END $$;

CREATE FUNCTION outbox.write_event(note outbox.inbox, contract record) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
-- False where the id stands already.
BEGIN
  INSERT INTO outbox.event (id, occurred_at, xid, snapshot, trigger, contract_id, business_unit, status, changed, detail,
                            document)
  VALUES (note.event_id, note.occurred_at, pg_current_xact_id(), contract.snapshot, note.trigger, note.contract_id,
          contract.business_unit, contract.status, note.changed, note.detail, contract.document)
  ON CONFLICT DO NOTHING;
  RETURN FOUND;
END $$;

CREATE FUNCTION outbox.write_events(notes outbox.inbox[]) RETURNS void
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
-- All in one statement: bulk changes read their documents in one go. Planned once, not for each length of the array.
DECLARE
  filtered bigint;
  dropped bigint[];
BEGIN
  IF EXISTS (SELECT FROM unnest(notes) AS n WHERE n.trigger = 'expired') THEN
    INSERT INTO outbox.expiry (contract_id, deadline, event_id)
    SELECT n.contract_id, d.deadline, n.event_id
    FROM unnest(notes) AS n
    JOIN outbox.find_contracts(ARRAY(SELECT DISTINCT u.contract_id FROM unnest(notes) AS u WHERE u.trigger = 'expired'))
      AS f ON f.contract_id = n.contract_id
    CROSS JOIN LATERAL outbox.deadline(f.document, f.business_unit) AS d (deadline)
    WHERE n.trigger = 'expired' AND d.deadline IS NOT NULL AND f.standing <> 'filtered'
    ORDER BY n.contract_id, d.deadline, n.event_id
    ON CONFLICT DO NOTHING;
  END IF;
  WITH found AS MATERIALIZED (
    SELECT n.*, f.standing, f.business_unit, f.status, f.document, f.snapshot,
           f.standing <> 'filtered'
           AND (n.trigger <> 'expired' OR outbox.deadline(f.document, f.business_unit) IS NULL
                OR EXISTS (SELECT FROM outbox.expiry AS x
                           WHERE x.contract_id = n.contract_id AND x.subject = ''
                             AND x.deadline = outbox.deadline(f.document, f.business_unit)
                             AND x.event_id = n.event_id)) AS due
    FROM unnest(notes) AS n
    JOIN outbox.find_contracts(ARRAY(SELECT DISTINCT u.contract_id FROM unnest(notes) AS u)) AS f
      ON f.contract_id = n.contract_id
  ), written AS (
    INSERT INTO outbox.event (id, occurred_at, xid, snapshot, trigger, contract_id, business_unit, status, changed, detail,
                              document)
    SELECT f.event_id, f.occurred_at, f.xid, f.snapshot, f.trigger, f.contract_id, f.business_unit, f.status, f.changed,
           f.detail, f.document
    FROM found AS f WHERE f.due ORDER BY f.event_id
  )
  SELECT count(*) FILTER (WHERE f.standing = 'filtered'), array_agg(f.event_id) FILTER (WHERE NOT f.due)
  INTO filtered, dropped FROM found AS f;
  PERFORM outbox.drop_notes(dropped);
  PERFORM nextval('outbox.filtered') FROM generate_series(1, filtered);
END $$;

CREATE FUNCTION outbox.younger(range_start bigint, range_end bigint, since timestamp with time zone) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET jit TO 'off'
    AS $$
  -- Whether anything of it happened since: an old event may have been given to a new connector, or sent again. By the
  -- indexes on time: a range that is kept for one attempt is asked again for a year.
  SELECT EXISTS (SELECT FROM outbox.event AS e WHERE e.id >= range_start AND e.id < range_end AND e.occurred_at >= since)
    OR EXISTS (SELECT FROM outbox.delivery AS d
               WHERE d.event_id >= range_start AND d.event_id < range_end AND d.created_at >= since)
    OR EXISTS (SELECT FROM outbox.attempt AS a
               WHERE a.event_id >= range_start AND a.event_id < range_end AND a.started_at >= since)
$$;

CREATE FUNCTION outbox_audit.decision_words(reason text, trigger text, business_unit text, into_event_id bigint, reread boolean) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
  SELECT CASE reason
    WHEN 'deliver' THEN 'to be delivered'
    WHEN 'backfill' THEN 'to be delivered, by backfill'
    WHEN 'trigger_not_chosen' THEN 'not sent: this connector did not have the trigger ' || trigger
    WHEN 'discarded' THEN 'not sent: this connector was disabled, its deliveries to be discarded'
    WHEN 'no_connector' THEN 'not sent: no connector for business unit ' || coalesce(business_unit, '(none)')
    WHEN 'no_business_unit' THEN 'not sent: the contract has no business unit'
    WHEN 'coalesced' THEN 'not sent by itself: part of event ' || into_event_id
    WHEN 'unchanged' THEN 'not sent: in the end its transaction changed nothing'
    WHEN 'contract_gone' THEN 'not sent: the contract was deleted before its document could be read'
    WHEN 'erased' THEN 'not sent: its content was erased before it was routed'
    ELSE reason
  END || CASE WHEN reread THEN '; document read again, since a concurrent transaction changed the contract' ELSE '' END
$$;

COMMENT ON FUNCTION outbox_audit.decision_words(reason text, trigger text, business_unit text, into_event_id bigint, reread boolean) IS 'A routing decision in words.';

CREATE FUNCTION outbox_audit.may_have_arrived(outcome text, settled text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
  SELECT outcome IN ('ok', 'http_error', 'timeout', 'protocol', 'lost', 'late', 'interrupted')
         AND settled IS DISTINCT FROM 'cancelled'
$$;

COMMENT ON FUNCTION outbox_audit.may_have_arrived(outcome text, settled text) IS 'Whether an attempt of this outcome may have reached its receiver.';

CREATE FUNCTION outbox_audit.moment(written text) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE STRICT
    SET search_path TO 'pg_catalog'
    SET "TimeZone" TO 'UTC'
    SET "DateStyle" TO 'ISO, YMD'
    AS $$
BEGIN
  RETURN CAST(written AS timestamptz);
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END $$;

COMMENT ON FUNCTION outbox_audit.moment(written text) IS 'This text as a moment in UTC, NULL where it is none.';

CREATE FUNCTION outbox_audit.readable(bytes bytea) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT
    SET search_path TO 'pg_catalog'
    AS $$
BEGIN
  RETURN convert_from(bytes, 'UTF8');
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
  RETURN NULL;
END $$;

COMMENT ON FUNCTION outbox_audit.readable(bytes bytea) IS 'These bytes as text, NULL where they are not valid UTF-8.';

CREATE FUNCTION outbox_audit.uncovered_contracts(of_business_unit text DEFAULT NULL::text) RETURNS TABLE(business_unit text, contract_id text, finding text, columns text[], since timestamp with time zone, last_event_id bigint, words text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
  -- A dropped range may have held the `create` of whatever is older than its last event; ranges may go in any order.
  began timestamptz := greatest(
    (SELECT min(s.installed_at) FROM outbox.source AS s),
    (SELECT max(p.newest_at) FROM outbox.pruned AS p));
  creates boolean := EXISTS (SELECT FROM outbox.rule AS r WHERE r.trigger = 'create');
  updates boolean := EXISTS (SELECT FROM outbox.rule AS r WHERE r.trigger = 'update');
  ignored text[] := ARRAY(
    SELECT i.name FROM outbox.rule AS r CROSS JOIN LATERAL unnest(r.ignored) AS i (name)
    WHERE r.trigger = 'update' AND r.operation = 'UPDATE' AND r.reported GROUP BY i.name
    HAVING count(*) = (SELECT count(*) FROM outbox.rule AS a
                       WHERE a.trigger = 'update' AND a.operation = 'UPDATE' AND a.reported));
  batch text[];
BEGIN
  IF NOT EXISTS (SELECT FROM outbox.source AS s WHERE s.removed_at IS NULL) THEN
    RETURN QUERY SELECT of_business_unit, NULL, 'not_compared', NULL::text[], NULL::timestamptz, NULL::bigint,
                        'no mapping is installed: the source was not looked at';
    RETURN;
  END IF;
  FOR batch IN
    SELECT array_agg(n.contract_id)
    FROM (SELECT i.contract_id, row_number() OVER () / 1000 AS n
          FROM outbox.contract_ids(CASE WHEN of_business_unit IS NOT NULL THEN ARRAY[of_business_unit] END) AS i) AS n
    GROUP BY n.n
  LOOP
    RETURN QUERY
    SELECT f.business_unit, f.contract_id, c.finding, c.columns, coalesce(l.occurred_at, m.created_at), l.id, c.words
    FROM outbox.find_contracts(batch) AS f
    LEFT JOIN LATERAL (
      SELECT e.id, e.occurred_at, e.document, e.snapshot FROM outbox.event AS e WHERE e.contract_id = f.contract_id
      ORDER BY e.xid DESC, e.id DESC LIMIT 1) AS l ON true
    CROSS JOIN LATERAL (SELECT outbox_audit.moment(f.document ->> 'created_at') AS created_at) AS m
    CROSS JOIN LATERAL (
      SELECT array_agg(k.key ORDER BY k.key) AS keys
      FROM jsonb_each(CASE WHEN updates AND f.document IS DISTINCT FROM l.document THEN l.document END) AS k
      WHERE f.document ? k.key AND f.document -> k.key <> k.value AND k.key <> ALL (ignored)
        -- Another transaction on the contract that the last one did not see has written it down.
        AND NOT EXISTS (SELECT FROM outbox.event AS e
                        WHERE e.contract_id = f.contract_id AND e.id <> l.id AND e.document -> k.key = f.document -> k.key
                          AND NOT pg_visible_in_snapshot(e.xid, l.snapshot))) AS d
    CROSS JOIN LATERAL (VALUES
      ('no_create', NULL, 'created since the install, and there is no event create of it',
       creates AND m.created_at > began
       AND NOT EXISTS (SELECT FROM outbox.event AS e WHERE e.contract_id = f.contract_id AND e.trigger = 'create')),
      ('changed', d.keys, 'differs from its last event in ' || array_to_string(d.keys, ', '), d.keys IS NOT NULL),
      ('unseen', NULL, 'no event of it, and no column created_at that says whether it is older than the install',
       l.id IS NULL AND m.created_at IS NULL)) AS c (finding, columns, words, holds)
    WHERE f.standing = 'found' AND c.holds;
  END LOOP;
EXCEPTION WHEN OTHERS THEN
  RETURN QUERY SELECT of_business_unit, NULL, 'not_compared', NULL::text[], NULL::timestamptz, NULL::bigint,
                      'the source could not be read to its end: ' || SQLERRM;
END $$;

COMMENT ON FUNCTION outbox_audit.uncovered_contracts(of_business_unit text) IS 'Contracts of the source (of one business unit, or of all) that events do not cover:
no_create: its column created_at is later than the first install and than all that was pruned, and no event create of it is kept;

changed: a column that the contract query reads differs from what its last event holds, though no update rule of the contract''s table ignores it;

unseen: there is no event of it and no readable created_at, so that nobody knows whether it is older than the install;

not_compared: no mapping is installed, or its queries failed: nothing, or not all, was looked at.
Not found: contracts that are gone; what changed of a contract whose last event was erased; changes that were changed back, or followed by one that was captured; contracts that the query leaves out; a missed send, review or expired, which leave no trace in the document.
Found though nothing was missed: columns that change with time alone, and columns that no rule watches, which is a gap of the mapping.
It reads every contract of the unit.';

CREATE TABLE outbox.access_record (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    who text NOT NULL,
    via text NOT NULL,
    act text NOT NULL,
    object text NOT NULL,
    business_units text[],
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    address text,
    CONSTRAINT access_record_via_check CHECK ((via = ANY (ARRAY['page'::text, 'api'::text, 'command'::text])))
);

COMMENT ON TABLE outbox.access_record IS 'Who did what by page, API or command, and who looked at content: sign-ins, replays, changes, looks.';

COMMENT ON COLUMN outbox.access_record.act IS 'In words: signed in, sign-in refused, looked, replayed, ...';

COMMENT ON COLUMN outbox.access_record.object IS 'What it was done to, such as delivery 12/3 or connector ''crm''.';

COMMENT ON COLUMN outbox.access_record.business_units IS 'Whose it is; NULL: nobody''s, or all''s.';

COMMENT ON COLUMN outbox.access_record.detail IS 'What else is worth keeping; never a secret, never content.';

COMMENT ON COLUMN outbox.access_record.address IS 'From where, as the server saw it.';

ALTER TABLE outbox.access_record ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME outbox.access_record_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE outbox.alert (
    id bigint NOT NULL,
    rule text NOT NULL,
    subject text DEFAULT ''::text NOT NULL,
    severity text NOT NULL,
    title text NOT NULL,
    words text NOT NULL,
    mend text NOT NULL,
    facts jsonb DEFAULT '{}'::jsonb NOT NULL,
    began_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    gone_at timestamp with time zone,
    ended_at timestamp with time zone,
    told integer DEFAULT 0 NOT NULL,
    told_at timestamp with time zone,
    tried_at timestamp with time zone,
    last_error text,
    closed_at timestamp with time zone,
    CONSTRAINT alert_check CHECK (((ended_at IS NULL) OR (gone_at IS NOT NULL))),
    CONSTRAINT alert_check1 CHECK (((closed_at IS NULL) OR (ended_at IS NOT NULL))),
    CONSTRAINT alert_severity_check CHECK ((severity = ANY (ARRAY['warning'::text, 'critical'::text]))),
    CONSTRAINT alert_told_check CHECK ((told >= 0))
);

COMMENT ON TABLE outbox.alert IS 'Each trouble that alerts told of, from its begin to its end: one row, over all hosts and restarts.';

COMMENT ON COLUMN outbox.alert.gone_at IS 'Since when the trouble is not seen any more; it has ended once that lasts.';

COMMENT ON COLUMN outbox.alert.told IS 'How often the hook took it while it stood.';

COMMENT ON COLUMN outbox.alert.tried_at IS 'When it was last sent, taken or not: until some time after, nobody else sends it.';

COMMENT ON COLUMN outbox.alert.last_error IS 'Why the hook did not take it the last time.';

COMMENT ON COLUMN outbox.alert.closed_at IS 'When nothing more was to be told of it.';

ALTER TABLE outbox.alert ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME outbox.alert_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE outbox.api_token (
    id bigint NOT NULL,
    name text NOT NULL,
    hash bytea NOT NULL,
    hint text NOT NULL,
    role text NOT NULL,
    business_units text[],
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    created_by text NOT NULL,
    expires_at timestamp with time zone,
    used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_token_business_units_check CHECK ((cardinality(business_units) > 0)),
    CONSTRAINT api_token_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT api_token_name_check CHECK ((name <> ''::text)),
    CONSTRAINT api_token_role_check CHECK ((role = ANY (ARRAY['viewer'::text, 'operator'::text, 'admin'::text])))
);

COMMENT ON TABLE outbox.api_token IS 'Bearer tokens of the REST API.';

COMMENT ON COLUMN outbox.api_token.hash IS 'SHA-256 of the token, 256 random bits that stand nowhere.';

COMMENT ON COLUMN outbox.api_token.hint IS 'How the token begins, so that people can tell one from another.';

COMMENT ON COLUMN outbox.api_token.business_units IS 'The ids that the token is limited to; NULL: not limited.';

COMMENT ON COLUMN outbox.api_token.used_at IS 'When it was used last, to the minute.';

ALTER TABLE outbox.api_token ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME outbox.api_token_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE outbox.attempt (
    event_id bigint NOT NULL,
    connector_id integer NOT NULL,
    number integer NOT NULL,
    late boolean DEFAULT false NOT NULL,
    kind text NOT NULL,
    connector_version integer,
    started_at timestamp with time zone NOT NULL,
    duration_ms double precision,
    timings jsonb,
    url text,
    request_headers jsonb,
    status_code integer,
    response_headers jsonb,
    response_body bytea,
    response_cut boolean DEFAULT false NOT NULL,
    outcome text NOT NULL,
    error_code text,
    error text,
    worker text NOT NULL,
    settled text,
    CONSTRAINT attempt_check CHECK ((late = (outcome = 'late'::text))),
    CONSTRAINT attempt_check1 CHECK (((settled IS DISTINCT FROM 'delivered'::text) OR (outcome = 'ok'::text))),
    CONSTRAINT attempt_kind_check CHECK ((kind = ANY (ARRAY['auto'::text, 'replay'::text, 'test'::text]))),
    CONSTRAINT attempt_number_check CHECK ((number >= 1)),
    CONSTRAINT attempt_outcome_check CHECK ((outcome = ANY (ARRAY['ok'::text, 'http_error'::text, 'timeout'::text, 'dns'::text, 'connect'::text, 'tls'::text, 'blocked'::text, 'protocol'::text, 'report'::text, 'lost'::text, 'late'::text, 'interrupted'::text]))),
    CONSTRAINT attempt_settled_check CHECK ((settled = ANY (ARRAY['delivered'::text, 'dead'::text, 'cancelled'::text])))
)
PARTITION BY RANGE (event_id);

COMMENT ON COLUMN outbox.attempt.late IS 'True where a worker came back after its lease had gone to another: kept beside the `lost` attempt of that number.';

CREATE TABLE outbox.attempt_0 (
    event_id bigint NOT NULL,
    connector_id integer NOT NULL,
    number integer NOT NULL,
    late boolean DEFAULT false NOT NULL,
    kind text NOT NULL,
    connector_version integer,
    started_at timestamp with time zone NOT NULL,
    duration_ms double precision,
    timings jsonb,
    url text,
    request_headers jsonb,
    status_code integer,
    response_headers jsonb,
    response_body bytea,
    response_cut boolean DEFAULT false NOT NULL,
    outcome text NOT NULL,
    error_code text,
    error text,
    worker text NOT NULL,
    settled text,
    CONSTRAINT attempt_check CHECK ((late = (outcome = 'late'::text))),
    CONSTRAINT attempt_check1 CHECK (((settled IS DISTINCT FROM 'delivered'::text) OR (outcome = 'ok'::text))),
    CONSTRAINT attempt_kind_check CHECK ((kind = ANY (ARRAY['auto'::text, 'replay'::text, 'test'::text]))),
    CONSTRAINT attempt_number_check CHECK ((number >= 1)),
    CONSTRAINT attempt_outcome_check CHECK ((outcome = ANY (ARRAY['ok'::text, 'http_error'::text, 'timeout'::text, 'dns'::text, 'connect'::text, 'tls'::text, 'blocked'::text, 'protocol'::text, 'report'::text, 'lost'::text, 'late'::text, 'interrupted'::text]))),
    CONSTRAINT attempt_settled_check CHECK ((settled = ANY (ARRAY['delivered'::text, 'dead'::text, 'cancelled'::text])))
);

COMMENT ON COLUMN outbox.attempt_0.late IS 'True where a worker came back after its lease had gone to another: kept beside the `lost` attempt of that number.';

CREATE TABLE outbox.delivery (
    event_id bigint NOT NULL,
    connector_id integer NOT NULL,
    connector_version integer NOT NULL,
    kind text DEFAULT 'auto'::text NOT NULL,
    trigger text NOT NULL,
    contract_id text NOT NULL,
    business_unit text,
    content_type text NOT NULL,
    body bytea,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT delivery_kind_check CHECK ((kind = ANY (ARRAY['auto'::text, 'backfill'::text, 'test'::text])))
)
PARTITION BY RANGE (event_id);

COMMENT ON COLUMN outbox.delivery.body IS 'The exact bytes, frozen when routed: what every attempt and every replay sends. NULL: could not be built, or erased.';

CREATE TABLE outbox.event (
    id bigint NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    xid xid8 NOT NULL,
    snapshot pg_snapshot NOT NULL,
    trigger text NOT NULL,
    contract_id text NOT NULL,
    business_unit text,
    status text,
    changed jsonb,
    detail jsonb,
    document jsonb,
    CONSTRAINT event_trigger_check CHECK ((trigger = ANY (ARRAY['create'::text, 'update'::text, 'send'::text, 'review'::text, 'expired'::text])))
)
PARTITION BY RANGE (id);

COMMENT ON TABLE outbox.event IS 'One captured occurrence, written once, in the application''s own transaction.';

CREATE VIEW outbox.attempt_day AS
 SELECT a.connector_id,
    s.day,
    a.attempts,
    a.ok,
    a.failed,
    a.lost,
    a.late,
    a.delivered,
    a.dead,
    a.cancelled,
    a.delivery_ms,
    a.answer_ms
   FROM (( SELECT (f.day + n.n) AS day
           FROM (( SELECT ((( SELECT min(t.started_at) AS min
                           FROM outbox.attempt t) AT TIME ZONE 'UTC'::text))::date AS day) f
             CROSS JOIN LATERAL generate_series(0, ((((now() AT TIME ZONE 'UTC'::text))::date - f.day) + 1)) n(n))) s
     CROSS JOIN LATERAL ( SELECT t.connector_id,
            count(*) FILTER (WHERE t.try) AS attempts,
            count(*) FILTER (WHERE (t.try AND (t.outcome = 'ok'::text))) AS ok,
            count(*) FILTER (WHERE (t.try AND (t.outcome <> ALL (ARRAY['ok'::text, 'lost'::text])))) AS failed,
            count(*) FILTER (WHERE (t.outcome = 'lost'::text)) AS lost,
            count(*) FILTER (WHERE t.late) AS late,
            count(*) FILTER (WHERE ((t.settled = 'delivered'::text) AND t.anew)) AS delivered,
            count(*) FILTER (WHERE ((t.settled = 'dead'::text) AND t.anew)) AS dead,
            count(*) FILTER (WHERE ((t.settled = 'cancelled'::text) AND t.anew)) AS cancelled,
            percentile_cont((ARRAY[0.5, 0.95, 0.99])::double precision[]) WITHIN GROUP (ORDER BY (((1000)::double precision * (EXTRACT(epoch FROM (t.started_at - e.occurred_at)))::double precision) + t.duration_ms)) AS delivery_ms,
            percentile_cont((ARRAY[0.5, 0.95, 0.99])::double precision[]) WITHIN GROUP (ORDER BY t.duration_ms) FILTER (WHERE (t.status_code IS NOT NULL)) AS answer_ms
           FROM (( SELECT r.event_id,
                    r.connector_id,
                    r.number,
                    r.late,
                    r.kind,
                    r.connector_version,
                    r.started_at,
                    r.duration_ms,
                    r.timings,
                    r.url,
                    r.request_headers,
                    r.status_code,
                    r.response_headers,
                    r.response_body,
                    r.response_cut,
                    r.outcome,
                    r.error_code,
                    r.error,
                    r.worker,
                    r.settled,
                    ((NOT r.late) AND (r.settled IS DISTINCT FROM 'cancelled'::text)) AS try,
                    ((r.kind <> 'replay'::text) OR (NOT (EXISTS ( SELECT
                           FROM outbox.attempt o
                          WHERE ((o.event_id = r.event_id) AND (o.connector_id = r.connector_id) AND (o.number < r.number) AND (o.settled = ANY (ARRAY['delivered'::text, r.settled])))
                         OFFSET 0)))) AS anew
                   FROM outbox.attempt r
                  WHERE ((r.kind <> 'test'::text) AND (r.started_at >= ((s.day)::timestamp without time zone AT TIME ZONE 'UTC'::text)) AND (r.started_at < (((s.day + 1))::timestamp without time zone AT TIME ZONE 'UTC'::text)))) t
             LEFT JOIN LATERAL ( SELECT v.occurred_at
                   FROM (outbox.delivery d
                     JOIN outbox.event v ON ((v.id = d.event_id)))
                  WHERE ((d.event_id = t.event_id) AND (d.connector_id = t.connector_id) AND (d.kind = 'auto'::text) AND (t.settled = 'delivered'::text) AND (t.kind = 'auto'::text))
                 OFFSET 0) e ON (true))
          GROUP BY t.connector_id) a);

COMMENT ON VIEW outbox.attempt_day IS 'The figures of outbox.connector_day, from the facts. Filter by day.';

CREATE TABLE outbox.attempt_default (
    event_id bigint NOT NULL,
    connector_id integer NOT NULL,
    number integer NOT NULL,
    late boolean DEFAULT false NOT NULL,
    kind text NOT NULL,
    connector_version integer,
    started_at timestamp with time zone NOT NULL,
    duration_ms double precision,
    timings jsonb,
    url text,
    request_headers jsonb,
    status_code integer,
    response_headers jsonb,
    response_body bytea,
    response_cut boolean DEFAULT false NOT NULL,
    outcome text NOT NULL,
    error_code text,
    error text,
    worker text NOT NULL,
    settled text,
    CONSTRAINT attempt_check CHECK ((late = (outcome = 'late'::text))),
    CONSTRAINT attempt_check1 CHECK (((settled IS DISTINCT FROM 'delivered'::text) OR (outcome = 'ok'::text))),
    CONSTRAINT attempt_kind_check CHECK ((kind = ANY (ARRAY['auto'::text, 'replay'::text, 'test'::text]))),
    CONSTRAINT attempt_number_check CHECK ((number >= 1)),
    CONSTRAINT attempt_outcome_check CHECK ((outcome = ANY (ARRAY['ok'::text, 'http_error'::text, 'timeout'::text, 'dns'::text, 'connect'::text, 'tls'::text, 'blocked'::text, 'protocol'::text, 'report'::text, 'lost'::text, 'late'::text, 'interrupted'::text]))),
    CONSTRAINT attempt_settled_check CHECK ((settled = ANY (ARRAY['delivered'::text, 'dead'::text, 'cancelled'::text])))
);

ALTER TABLE outbox.capture_error ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME outbox.capture_error_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE outbox.connector (
    id integer NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    name text NOT NULL,
    kind text DEFAULT 'reporting'::text NOT NULL,
    type text DEFAULT 'webhook'::text NOT NULL,
    business_units text[] NOT NULL,
    triggers text[] NOT NULL,
    url text NOT NULL,
    content_type text DEFAULT 'application/json'::text NOT NULL,
    ssl_verification boolean DEFAULT true NOT NULL,
    data text DEFAULT 'everything'::text NOT NULL,
    company_fields text[] DEFAULT '{}'::text[] NOT NULL,
    field_mapping jsonb DEFAULT '[]'::jsonb NOT NULL,
    form_style text DEFAULT 'fields'::text NOT NULL,
    lane_order text DEFAULT 'contract'::text NOT NULL,
    max_in_flight integer DEFAULT 8 NOT NULL,
    rate_per_second double precision,
    timeout_seconds double precision DEFAULT 15 NOT NULL,
    schedule double precision[],
    headers jsonb DEFAULT '{}'::jsonb NOT NULL,
    username text DEFAULT 'webhook'::text NOT NULL,
    secret bytea,
    signing_secret bytea,
    signing_secret_old bytea,
    enabled boolean DEFAULT true NOT NULL,
    disabled_reason text,
    disabled_at timestamp with time zone,
    discard boolean DEFAULT false NOT NULL,
    origin text DEFAULT 'command'::text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    removed_at timestamp with time zone,
    CONSTRAINT connector_business_units_check CHECK ((cardinality(business_units) > 0)),
    CONSTRAINT connector_check CHECK ((enabled = (disabled_at IS NULL))),
    CONSTRAINT connector_check1 CHECK ((enabled = (disabled_reason IS NULL))),
    CONSTRAINT connector_check2 CHECK ((NOT (discard AND enabled))),
    CONSTRAINT connector_content_type_check CHECK ((content_type = ANY (ARRAY['application/json'::text, 'application/x-www-form-urlencoded'::text]))),
    CONSTRAINT connector_data_check CHECK ((data = ANY (ARRAY['status'::text, 'everything'::text]))),
    CONSTRAINT connector_form_style_check CHECK ((form_style = ANY (ARRAY['fields'::text, 'payload'::text]))),
    CONSTRAINT connector_kind_check CHECK ((kind = 'reporting'::text)),
    CONSTRAINT connector_lane_order_check CHECK ((lane_order = ANY (ARRAY['contract'::text, 'none'::text]))),
    CONSTRAINT connector_max_in_flight_check CHECK (((max_in_flight >= 1) AND (max_in_flight <= 1000))),
    CONSTRAINT connector_name_check CHECK ((name <> ''::text)),
    CONSTRAINT connector_origin_check CHECK ((origin = ANY (ARRAY['code'::text, 'command'::text, 'page'::text, 'api'::text]))),
    CONSTRAINT connector_rate_per_second_check CHECK (((rate_per_second > (0)::double precision) AND (rate_per_second <= (10000)::double precision))),
    CONSTRAINT connector_timeout_seconds_check CHECK (((timeout_seconds > (0)::double precision) AND (timeout_seconds <= (300)::double precision))),
    CONSTRAINT connector_triggers_check CHECK (((cardinality(triggers) > 0) AND (triggers <@ ARRAY['create'::text, 'update'::text, 'send'::text, 'review'::text, 'expired'::text]))),
    CONSTRAINT connector_type_check CHECK ((type = 'webhook'::text))
);

COMMENT ON COLUMN outbox.connector.secret IS 'Ciphertext; so are signing_secret and signing_secret_old (the one being rotated out).';

CREATE TABLE outbox.connector_day (
    connector_id integer NOT NULL,
    day date NOT NULL,
    attempts bigint NOT NULL,
    ok bigint NOT NULL,
    failed bigint NOT NULL,
    lost bigint NOT NULL,
    late bigint NOT NULL,
    delivered bigint NOT NULL,
    dead bigint NOT NULL,
    cancelled bigint NOT NULL,
    delivery_ms double precision[],
    answer_ms double precision[]
);

COMMENT ON TABLE outbox.connector_day IS 'What attempts of a finished UTC day came to, counted once: so that figures of a year are quick, and outlive the facts.';

ALTER TABLE outbox.connector ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME outbox.connector_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE outbox.connector_version (
    connector_id integer NOT NULL,
    version integer NOT NULL,
    action text NOT NULL,
    spec jsonb NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    changed_by text NOT NULL,
    origin text DEFAULT 'command'::text NOT NULL,
    CONSTRAINT connector_version_action_check CHECK ((action = ANY (ARRAY['create'::text, 'edit'::text, 'enable'::text, 'disable'::text, 'remove'::text]))),
    CONSTRAINT connector_version_origin_check CHECK ((origin = ANY (ARRAY['code'::text, 'command'::text, 'page'::text, 'api'::text, 'relay'::text])))
);

COMMENT ON TABLE outbox.connector_version IS 'Every version of every connector as it was, without secrets (only whether one was set, and whether it changed).';

CREATE TABLE outbox.counted (
    minutes integer NOT NULL,
    until timestamp with time zone NOT NULL,
    CONSTRAINT counted_minutes_check CHECK ((minutes = ANY (ARRAY[5, 60, 1440])))
);

COMMENT ON TABLE outbox.counted IS 'Until when the figures of each length are counted; whoever counts on holds the row.';

CREATE TABLE outbox.decision (
    event_id bigint NOT NULL,
    connector_id integer,
    connector_version integer,
    reason text NOT NULL,
    into_event_id bigint,
    reread boolean DEFAULT false NOT NULL,
    decided_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT decision_check CHECK (((reason = 'coalesced'::text) = (into_event_id IS NOT NULL))),
    CONSTRAINT decision_check1 CHECK (((connector_id IS NULL) = (connector_version IS NULL))),
    CONSTRAINT decision_check2 CHECK (((connector_id IS NOT NULL) = (reason = ANY (ARRAY['deliver'::text, 'backfill'::text, 'trigger_not_chosen'::text, 'discarded'::text])))),
    CONSTRAINT decision_reason_check CHECK ((reason = ANY (ARRAY['deliver'::text, 'backfill'::text, 'trigger_not_chosen'::text, 'discarded'::text, 'no_connector'::text, 'no_business_unit'::text, 'coalesced'::text, 'unchanged'::text, 'contract_gone'::text, 'erased'::text])))
)
PARTITION BY RANGE (event_id);

CREATE TABLE outbox.decision_0 (
    event_id bigint NOT NULL,
    connector_id integer,
    connector_version integer,
    reason text NOT NULL,
    into_event_id bigint,
    reread boolean DEFAULT false NOT NULL,
    decided_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT decision_check CHECK (((reason = 'coalesced'::text) = (into_event_id IS NOT NULL))),
    CONSTRAINT decision_check1 CHECK (((connector_id IS NULL) = (connector_version IS NULL))),
    CONSTRAINT decision_check2 CHECK (((connector_id IS NOT NULL) = (reason = ANY (ARRAY['deliver'::text, 'backfill'::text, 'trigger_not_chosen'::text, 'discarded'::text])))),
    CONSTRAINT decision_reason_check CHECK ((reason = ANY (ARRAY['deliver'::text, 'backfill'::text, 'trigger_not_chosen'::text, 'discarded'::text, 'no_connector'::text, 'no_business_unit'::text, 'coalesced'::text, 'unchanged'::text, 'contract_gone'::text, 'erased'::text])))
);

CREATE TABLE outbox.decision_default (
    event_id bigint NOT NULL,
    connector_id integer,
    connector_version integer,
    reason text NOT NULL,
    into_event_id bigint,
    reread boolean DEFAULT false NOT NULL,
    decided_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT decision_check CHECK (((reason = 'coalesced'::text) = (into_event_id IS NOT NULL))),
    CONSTRAINT decision_check1 CHECK (((connector_id IS NULL) = (connector_version IS NULL))),
    CONSTRAINT decision_check2 CHECK (((connector_id IS NOT NULL) = (reason = ANY (ARRAY['deliver'::text, 'backfill'::text, 'trigger_not_chosen'::text, 'discarded'::text])))),
    CONSTRAINT decision_reason_check CHECK ((reason = ANY (ARRAY['deliver'::text, 'backfill'::text, 'trigger_not_chosen'::text, 'discarded'::text, 'no_connector'::text, 'no_business_unit'::text, 'coalesced'::text, 'unchanged'::text, 'contract_gone'::text, 'erased'::text])))
);

CREATE TABLE outbox.delivery_0 (
    event_id bigint NOT NULL,
    connector_id integer NOT NULL,
    connector_version integer NOT NULL,
    kind text DEFAULT 'auto'::text NOT NULL,
    trigger text NOT NULL,
    contract_id text NOT NULL,
    business_unit text,
    content_type text NOT NULL,
    body bytea,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT delivery_kind_check CHECK ((kind = ANY (ARRAY['auto'::text, 'backfill'::text, 'test'::text])))
);

COMMENT ON COLUMN outbox.delivery_0.body IS 'The exact bytes, frozen when routed: what every attempt and every replay sends. NULL: could not be built, or erased.';

CREATE TABLE outbox.delivery_default (
    event_id bigint NOT NULL,
    connector_id integer NOT NULL,
    connector_version integer NOT NULL,
    kind text DEFAULT 'auto'::text NOT NULL,
    trigger text NOT NULL,
    contract_id text NOT NULL,
    business_unit text,
    content_type text NOT NULL,
    body bytea,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT delivery_kind_check CHECK ((kind = ANY (ARRAY['auto'::text, 'backfill'::text, 'test'::text])))
);

ALTER TABLE outbox.erasure ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME outbox.erasure_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE outbox.event_0 (
    id bigint NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    xid xid8 NOT NULL,
    snapshot pg_snapshot NOT NULL,
    trigger text NOT NULL,
    contract_id text NOT NULL,
    business_unit text,
    status text,
    changed jsonb,
    detail jsonb,
    document jsonb,
    CONSTRAINT event_trigger_check CHECK ((trigger = ANY (ARRAY['create'::text, 'update'::text, 'send'::text, 'review'::text, 'expired'::text])))
);

CREATE TABLE outbox.event_default (
    id bigint NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    xid xid8 NOT NULL,
    snapshot pg_snapshot NOT NULL,
    trigger text NOT NULL,
    contract_id text NOT NULL,
    business_unit text,
    status text,
    changed jsonb,
    detail jsonb,
    document jsonb,
    CONSTRAINT event_trigger_check CHECK ((trigger = ANY (ARRAY['create'::text, 'update'::text, 'send'::text, 'review'::text, 'expired'::text])))
);

CREATE TABLE outbox.expiry (
    contract_id text NOT NULL,
    subject text DEFAULT ''::text NOT NULL,
    deadline timestamp with time zone NOT NULL,
    event_id bigint,
    raised_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

COMMENT ON TABLE outbox.expiry IS 'Deadlines that were raised: one `expired` for a contract, subject and deadline, whoever is first.';

CREATE TABLE outbox.expiry_scan (
    single boolean DEFAULT true NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    scanned_to timestamp with time zone,
    swept_at timestamp with time zone,
    due_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    worker text,
    ended_at timestamp with time zone,
    seconds double precision,
    raised bigint DEFAULT 0 NOT NULL,
    CONSTRAINT expiry_scan_single_check CHECK (single)
)
WITH (fillfactor='50');

COMMENT ON TABLE outbox.expiry_scan IS 'The scan for passed deadlines, one row while a mapping with [expired] is installed.';

COMMENT ON COLUMN outbox.expiry_scan.since IS 'Deadlines up to this moment raise nothing by themselves: time of install, or as the mapping says.';

COMMENT ON COLUMN outbox.expiry_scan.scanned_to IS 'Every deadline up to this moment that could be seen was raised.';

COMMENT ON COLUMN outbox.expiry_scan.swept_at IS 'When last every deadline after `since` was looked at, NULL to ask for it.';

COMMENT ON COLUMN outbox.expiry_scan.due_at IS 'No look before: the next known deadline or the interval; while a worker scans, the end of its lease.';

COMMENT ON COLUMN outbox.expiry_scan.ended_at IS 'End of the last scan, which took `seconds` and raised `raised`.';

CREATE TABLE outbox.figure (
    minutes integer NOT NULL,
    since timestamp with time zone NOT NULL,
    connector_id integer NOT NULL,
    business_unit text NOT NULL,
    routed timestamp with time zone NOT NULL,
    attempts bigint NOT NULL,
    ok bigint NOT NULL,
    delivered bigint NOT NULL,
    retried bigint NOT NULL,
    dead bigint NOT NULL,
    cancelled bigint NOT NULL,
    delivery_bins smallint[] DEFAULT '{}'::smallint[] NOT NULL,
    delivery_counts bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    answer_bins smallint[] DEFAULT '{}'::smallint[] NOT NULL,
    answer_counts bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    CONSTRAINT figure_minutes_check CHECK ((minutes = ANY (ARRAY[5, 60, 1440])))
);

COMMENT ON TABLE outbox.figure IS 'What the attempts of a stretch of so many minutes came to, counted once; each length goes on where the longer one ends.';

COMMENT ON COLUMN outbox.figure.business_unit IS 'That of the deliveries; empty where they have none.';

COMMENT ON COLUMN outbox.figure.routed IS 'The hour (of a day''s figures: the day) in which the deliveries were routed: so that an hour''s deliveries can be followed.';

COMMENT ON COLUMN outbox.figure.retried IS 'Of those delivered, the ones that took more than one attempt.';

COMMENT ON COLUMN outbox.figure.dead IS 'Deliveries that became dead, less those that were and then became something else by a replay; so is cancelled.';

COMMENT ON COLUMN outbox.figure.delivery_bins IS 'A histogram with delivery_counts: bin n is up to 2^(n/8) milliseconds from the change to the receiver''s 2xx.';

COMMENT ON COLUMN outbox.figure.answer_bins IS 'Likewise, with answer_counts: what receivers took to answer.';

CREATE VIEW outbox.figured_attempt AS
 SELECT t.connector_id,
    t.started_at,
    COALESCE(d.business_unit, ''::text) AS business_unit,
    date_trunc('hour'::text, d.created_at, 'UTC'::text) AS routed,
    (t.settled IS DISTINCT FROM 'cancelled'::text) AS tried,
    (t.outcome = 'ok'::text) AS ok,
    (t.number > 1) AS again,
        CASE
            WHEN ((t.settled <> COALESCE(b.was, ''::text)) AND (COALESCE(b.was, ''::text) <> 'delivered'::text)) THEN t.settled
            ELSE NULL::text
        END AS becomes,
        CASE
            WHEN (t.settled <> COALESCE(b.was, ''::text)) THEN NULLIF(b.was, 'delivered'::text)
            ELSE NULL::text
        END AS was,
    (
        CASE
            WHEN (m.ms > (1)::double precision) THEN ceil((((8)::double precision * ln(m.ms)) / ln((2)::double precision)))
            ELSE ((0)::double precision * m.ms)
        END)::smallint AS delivery_bin,
    (
        CASE
            WHEN (t.status_code IS NULL) THEN NULL::double precision
            WHEN (t.duration_ms > (1)::double precision) THEN ceil((((8)::double precision * ln(t.duration_ms)) / ln((2)::double precision)))
            ELSE ((0)::double precision * t.duration_ms)
        END)::smallint AS answer_bin
   FROM (((outbox.attempt t
     CROSS JOIN LATERAL ( SELECT v.business_unit,
            v.created_at,
            v.kind
           FROM outbox.delivery v
          WHERE ((v.event_id = t.event_id) AND (v.connector_id = t.connector_id))
         OFFSET 0) d)
     LEFT JOIN LATERAL ( SELECT
                CASE
                    WHEN bool_or((o.settled = 'delivered'::text)) THEN 'delivered'::text
                    ELSE (array_agg(o.settled ORDER BY o.number DESC))[1]
                END AS was
           FROM outbox.attempt o
          WHERE ((o.event_id = t.event_id) AND (o.connector_id = t.connector_id) AND (o.number < t.number) AND (o.settled IS NOT NULL) AND (t.kind = 'replay'::text) AND (t.settled IS NOT NULL))
         OFFSET 0) b ON (true))
     LEFT JOIN LATERAL ( SELECT (((1000)::double precision * (EXTRACT(epoch FROM (t.started_at - e.occurred_at)))::double precision) + t.duration_ms) AS ms
           FROM outbox.event e
          WHERE ((e.id = t.event_id) AND (t.settled = 'delivered'::text) AND (t.kind = 'auto'::text) AND (d.kind = 'auto'::text))
         OFFSET 0) m ON (true))
  WHERE ((t.kind <> 'test'::text) AND (NOT t.late));

COMMENT ON VIEW outbox.figured_attempt IS 'What each attempt adds to outbox.figure, from the facts. Filter by started_at.';

CREATE SEQUENCE outbox.filtered
    START WITH 0
    INCREMENT BY 1
    MINVALUE 0
    NO MAXVALUE
    CACHE 1;

COMMENT ON SEQUENCE outbox.filtered IS 'How many notes raised nothing because the contract query excludes the contract.';

CREATE TABLE outbox.growth (
    sampled_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    outbox_bytes bigint NOT NULL,
    database_bytes bigint NOT NULL
);

COMMENT ON TABLE outbox.growth IS 'Disk space of the schema and of the whole database, sampled by the hour, kept for 400 days.';

CREATE TABLE outbox.health (
    connector_id integer NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    failing_since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    last_error text,
    held_at timestamp with time zone,
    held_reason text,
    probe_at timestamp with time zone,
    probes integer DEFAULT 0 NOT NULL,
    CONSTRAINT health_check CHECK ((((held_at IS NULL) = (held_reason IS NULL)) AND ((held_at IS NULL) = (probe_at IS NULL)))),
    CONSTRAINT health_failures_check CHECK ((failures >= 0)),
    CONSTRAINT health_probes_check CHECK ((probes >= 0))
);

COMMENT ON TABLE outbox.health IS 'Connectors whose receiver fails: a connector without a row is well, so that success writes nothing.';

COMMENT ON COLUMN outbox.health.probe_at IS 'While held: no probe before; while one is out, the end of its lease.';

CREATE TABLE outbox.migration (
    number integer NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    oldest integer NOT NULL,
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE outbox.periodic (
    name text NOT NULL,
    last_run timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL
);

COMMENT ON TABLE outbox.periodic IS 'Last tick of each periodic job: a compare-and-set here makes it run once over all hosts.';

CREATE TABLE outbox.pruned (
    range_start bigint NOT NULL,
    range_end bigint NOT NULL,
    newest_at timestamp with time zone NOT NULL,
    keep interval NOT NULL,
    pruned_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

COMMENT ON TABLE outbox.pruned IS 'Ranges of event id whose facts were dropped because they were older than the retention: no history before them is missing by accident.';

COMMENT ON COLUMN outbox.pruned.range_end IS 'The first event id beyond the range.';

COMMENT ON COLUMN outbox.pruned.newest_at IS 'When the last event of the range occurred.';

COMMENT ON COLUMN outbox.pruned.keep IS 'The retention that was in force.';

CREATE SEQUENCE outbox.queue_position
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

COMMENT ON SEQUENCE outbox.queue_position IS 'Place in a lane, taken under the lane''s lock, so that a lane keeps the order in which commits saw each other.';

CREATE TABLE outbox.queue (
    connector_id integer NOT NULL,
    event_id bigint NOT NULL,
    contract_id text NOT NULL,
    "position" bigint DEFAULT nextval('outbox.queue_position'::regclass) NOT NULL,
    ready boolean NOT NULL,
    due_at timestamp with time zone NOT NULL,
    kind text DEFAULT 'auto'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    lease_token bigint,
    lease_worker text,
    leased_at timestamp with time zone,
    last_error text,
    CONSTRAINT queue_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT queue_check CHECK (((tries >= 0) AND (tries <= attempts))),
    CONSTRAINT queue_check1 CHECK ((((lease_token IS NULL) = (lease_worker IS NULL)) AND ((lease_token IS NULL) = (leased_at IS NULL)))),
    CONSTRAINT queue_kind_check CHECK ((kind = ANY (ARRAY['auto'::text, 'replay'::text])))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='5000', autovacuum_vacuum_cost_delay='0', autovacuum_analyze_scale_factor='0', autovacuum_analyze_threshold='5000');

COMMENT ON COLUMN outbox.queue.ready IS 'Whether it heads its lane (always true for a connector without order).';

COMMENT ON COLUMN outbox.queue.attempts IS 'Number of the last attempt, over all schedules; `tries` counts those of the present one.';

CREATE TABLE outbox.replay (
    event_id bigint NOT NULL,
    connector_id integer NOT NULL,
    verdict text NOT NULL,
    asked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    asked_by text NOT NULL,
    CONSTRAINT replay_verdict_check CHECK ((verdict = ANY (ARRAY['again'::text, 'forward'::text])))
)
PARTITION BY RANGE (event_id);

COMMENT ON TABLE outbox.replay IS 'Who asked for a replay that was done: `again` queued a finished delivery once more, `forward` made a waiting one due.';

CREATE TABLE outbox.replay_0 (
    event_id bigint NOT NULL,
    connector_id integer NOT NULL,
    verdict text NOT NULL,
    asked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    asked_by text NOT NULL,
    CONSTRAINT replay_verdict_check CHECK ((verdict = ANY (ARRAY['again'::text, 'forward'::text])))
);

CREATE TABLE outbox.replay_10000000 (
    event_id bigint NOT NULL,
    connector_id integer NOT NULL,
    verdict text NOT NULL,
    asked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    asked_by text NOT NULL,
    CONSTRAINT replay_verdict_check CHECK ((verdict = ANY (ARRAY['again'::text, 'forward'::text])))
);

CREATE TABLE outbox.replay_15000000 (
    event_id bigint NOT NULL,
    connector_id integer NOT NULL,
    verdict text NOT NULL,
    asked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    asked_by text NOT NULL,
    CONSTRAINT replay_verdict_check CHECK ((verdict = ANY (ARRAY['again'::text, 'forward'::text])))
);

CREATE TABLE outbox.replay_5000000 (
    event_id bigint NOT NULL,
    connector_id integer NOT NULL,
    verdict text NOT NULL,
    asked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    asked_by text NOT NULL,
    CONSTRAINT replay_verdict_check CHECK ((verdict = ANY (ARRAY['again'::text, 'forward'::text])))
);

CREATE TABLE outbox.replay_default (
    event_id bigint NOT NULL,
    connector_id integer NOT NULL,
    verdict text NOT NULL,
    asked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    asked_by text NOT NULL,
    CONSTRAINT replay_verdict_check CHECK ((verdict = ANY (ARRAY['again'::text, 'forward'::text])))
);

CREATE TABLE outbox.retention (
    one boolean DEFAULT true NOT NULL,
    keep_at_least interval DEFAULT '30 days'::interval NOT NULL,
    CONSTRAINT retention_keep_at_least_check CHECK ((keep_at_least >= '1 day'::interval)),
    CONSTRAINT retention_one_check CHECK (one)
);

COMMENT ON TABLE outbox.retention IS 'The owner''s floor of retention, one row: nothing younger is dropped, whatever a worker''s settings or login ask for.';

CREATE TABLE outbox.share (
    worker text NOT NULL,
    connector_id integer NOT NULL,
    slots integer NOT NULL,
    CONSTRAINT share_slots_check CHECK ((slots > 0))
);

COMMENT ON TABLE outbox.share IS 'How much of each connector''s max_in_flight a worker may have in flight. Written under one lock; their sum never grows past the limit.';

CREATE TABLE outbox.source (
    id integer NOT NULL,
    installed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    installed_by text NOT NULL,
    removed_at timestamp with time zone,
    mapping jsonb NOT NULL,
    objects jsonb NOT NULL
);

COMMENT ON TABLE outbox.source IS 'Each installation of a mapping: what was asked and what DDL stands, so that drift can be told.';

ALTER TABLE outbox.source ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME outbox.source_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE outbox.web_session (
    hash bytea NOT NULL,
    user_id bigint NOT NULL,
    address text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT web_session_hash_check CHECK ((octet_length(hash) = 32))
);

COMMENT ON TABLE outbox.web_session IS 'Who is signed in: deleted at sign-out, at a new password, when its person is removed, and after its end.';

COMMENT ON COLUMN outbox.web_session.hash IS 'SHA-256 of the cookie''s token, which stands nowhere.';

CREATE TABLE outbox.web_user (
    id bigint NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    business_units text[],
    password_hash text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    created_by text NOT NULL,
    password_changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    removed_at timestamp with time zone,
    CONSTRAINT web_user_business_units_check CHECK ((cardinality(business_units) > 0)),
    CONSTRAINT web_user_name_check CHECK ((name <> ''::text)),
    CONSTRAINT web_user_role_check CHECK ((role = ANY (ARRAY['viewer'::text, 'operator'::text, 'admin'::text])))
);

COMMENT ON TABLE outbox.web_user IS 'Who may sign in to the dashboard.';

COMMENT ON COLUMN outbox.web_user.business_units IS 'The ids that this person is limited to; NULL: not limited.';

COMMENT ON COLUMN outbox.web_user.password_hash IS 'argon2id, with its parameters and salt.';

COMMENT ON COLUMN outbox.web_user.removed_at IS 'Since when this person may not sign in; the row stays, for its name stands on record.';

ALTER TABLE outbox.web_user ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME outbox.web_user_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE outbox.worker (
    name text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL,
    transport text NOT NULL,
    share_seconds double precision DEFAULT 5 NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    stopped_at timestamp with time zone,
    unopened integer[] DEFAULT '{}'::integer[] NOT NULL,
    clock_ahead double precision,
    CONSTRAINT worker_share_seconds_check CHECK ((share_seconds > (0)::double precision))
)
WITH (fillfactor='50');

COMMENT ON COLUMN outbox.worker.share_seconds IS 'How long after `seen_at` it may start sends under its shares.';

COMMENT ON COLUMN outbox.worker.unopened IS 'Connectors whose secret its keys do not open: it lets their deliveries wait.';

COMMENT ON COLUMN outbox.worker.clock_ahead IS 'Seconds by which its host''s clock was ahead of the database''s at its last sign of life.';

CREATE VIEW outbox_audit.acts AS
 SELECT id AS act_id,
    at,
    who,
    via,
    act,
    object,
    business_units,
    detail,
    address
   FROM outbox.access_record r;

COMMENT ON VIEW outbox_audit.acts IS 'Who did what by page, API or command, and who looked at content: sign-ins, looks, replays, changes of users and tokens. Filter by at; page by at and act_id. What changed of a connector stands in config_changes.';

COMMENT ON COLUMN outbox_audit.acts.act_id IS 'Its number.';

COMMENT ON COLUMN outbox_audit.acts.at IS 'When.';

COMMENT ON COLUMN outbox_audit.acts.who IS 'Who: the user''s or the token''s name, of a command whom --as named; nobody where sign-in was refused.';

COMMENT ON COLUMN outbox_audit.acts.via IS 'By which way: page, api or command.';

COMMENT ON COLUMN outbox_audit.acts.act IS 'In words: signed in, sign-in refused, looked, asked, replayed, ...';

COMMENT ON COLUMN outbox_audit.acts.object IS 'What it was done to, such as delivery 12/3 or connector ''crm''.';

COMMENT ON COLUMN outbox_audit.acts.business_units IS 'Whose it is, or to whom the asker was limited; NULL: nobody''s, or all''s.';

COMMENT ON COLUMN outbox_audit.acts.detail IS 'What else was kept; never a secret, never content.';

COMMENT ON COLUMN outbox_audit.acts.address IS 'From where, as the server saw it.';

CREATE VIEW outbox_audit.alerts AS
 SELECT id AS alert_id,
    rule,
    NULLIF(subject, ''::text) AS subject,
    severity,
        CASE
            WHEN (ended_at IS NULL) THEN 'open'::text
            ELSE 'ended'::text
        END AS state,
    title,
    words,
    mend,
    facts,
    began_at,
    ended_at,
    told,
    told_at AS last_told_at,
    last_error
   FROM outbox.alert a;

COMMENT ON VIEW outbox_audit.alerts IS 'What alerts told people: each trouble from its begin to its end. Filter by state or began_at.';

COMMENT ON COLUMN outbox_audit.alerts.alert_id IS 'Its number, also in the id that the hook got.';

COMMENT ON COLUMN outbox_audit.alerts.rule IS 'What kind of trouble: see docs/alerts.md.';

COMMENT ON COLUMN outbox_audit.alerts.subject IS 'Whose: a connector or a capture rule; NULL where it concerns all.';

COMMENT ON COLUMN outbox_audit.alerts.severity IS 'warning: somebody should look in daylight; critical: somebody must act.';

COMMENT ON COLUMN outbox_audit.alerts.state IS 'open, or ended.';

COMMENT ON COLUMN outbox_audit.alerts.title IS 'What is wrong, in short.';

COMMENT ON COLUMN outbox_audit.alerts.words IS 'What is wrong, as it was last seen.';

COMMENT ON COLUMN outbox_audit.alerts.mend IS 'What to do about it.';

COMMENT ON COLUMN outbox_audit.alerts.facts IS 'Its figures.';

COMMENT ON COLUMN outbox_audit.alerts.began_at IS 'When it was first seen.';

COMMENT ON COLUMN outbox_audit.alerts.ended_at IS 'When it was well again; NULL while it stands.';

COMMENT ON COLUMN outbox_audit.alerts.told IS 'How often the hook took it; 0: never.';

COMMENT ON COLUMN outbox_audit.alerts.last_told_at IS 'When the hook last took it.';

COMMENT ON COLUMN outbox_audit.alerts.last_error IS 'Why the hook did not take it, the last time that it was sent.';

CREATE VIEW outbox_audit.attempts AS
 SELECT t.event_id,
    c.name AS connector,
    d.contract_id,
    t.number,
    t.kind,
    t.started_at,
    t.duration_ms,
    t.outcome,
    t.status_code,
    t.error,
    t.url,
    t.request_headers,
    d.body AS request_body,
    t.response_headers,
    t.response_body,
    t.worker,
    t.connector_id,
    t.connector_version,
    d.trigger,
    d.business_unit,
    t.late,
    t.settled,
    t.error_code,
    t.timings,
    t.response_cut,
    d.content_type,
    outbox_audit.readable(d.body) AS request_text,
    outbox_audit.readable(t.response_body) AS response_text
   FROM ((outbox.attempt t
     LEFT JOIN outbox.delivery d ON (((d.event_id = t.event_id) AND (d.connector_id = t.connector_id))))
     JOIN outbox.connector c ON ((c.id = t.connector_id)));

COMMENT ON VIEW outbox_audit.attempts IS 'Every HTTP try and its answer. Filter by contract_id, connector_id, event_id, started_at or outcome; page by started_at and event_id.';

COMMENT ON COLUMN outbox_audit.attempts.event_id IS 'The event; with connector_id and number it is the attempt, beside a late one.';

COMMENT ON COLUMN outbox_audit.attempts.connector IS 'The connector''s present name.';

COMMENT ON COLUMN outbox_audit.attempts.contract_id IS 'The contract.';

COMMENT ON COLUMN outbox_audit.attempts.number IS 'From 1, without gaps, replays included; a late attempt stands beside the lost one of its number.';

COMMENT ON COLUMN outbox_audit.attempts.kind IS 'auto, replay (by a person) or test.';

COMMENT ON COLUMN outbox_audit.attempts.started_at IS 'When it began (database clock).';

COMMENT ON COLUMN outbox_audit.attempts.duration_ms IS 'How long it took, milliseconds; NULL of a lost one.';

COMMENT ON COLUMN outbox_audit.attempts.outcome IS 'ok, http_error, timeout, dns, connect, tls, blocked, protocol, report (could not be built), lost (the worker did not come back), late (it came back too late), interrupted.';

COMMENT ON COLUMN outbox_audit.attempts.status_code IS 'The answer''s HTTP status; NULL without an answer.';

COMMENT ON COLUMN outbox_audit.attempts.error IS 'What went wrong, in words; NULL where the status says it.';

COMMENT ON COLUMN outbox_audit.attempts.url IS 'Where it went; NULL where nothing was sent or nobody knows.';

COMMENT ON COLUMN outbox_audit.attempts.request_headers IS 'As sent, secrets redacted.';

COMMENT ON COLUMN outbox_audit.attempts.request_body IS 'The exact bytes of the report; request_text is the same as text.';

COMMENT ON COLUMN outbox_audit.attempts.response_headers IS 'The answer''s headers; NULL without an answer.';

COMMENT ON COLUMN outbox_audit.attempts.response_body IS 'The first bytes of the answer, as received; see response_cut.';

COMMENT ON COLUMN outbox_audit.attempts.worker IS 'Who made it.';

COMMENT ON COLUMN outbox_audit.attempts.connector_id IS 'The connector.';

COMMENT ON COLUMN outbox_audit.attempts.connector_version IS 'Version of the connector whose URL, secret and headers were used.';

COMMENT ON COLUMN outbox_audit.attempts.trigger IS 'The event''s trigger.';

COMMENT ON COLUMN outbox_audit.attempts.business_unit IS 'The contract''s business unit when the event was captured.';

COMMENT ON COLUMN outbox_audit.attempts.late IS 'Came back after its lease had gone to another; changed nothing.';

COMMENT ON COLUMN outbox_audit.attempts.settled IS 'The final state that it gave its delivery; NULL: another attempt follows.';

COMMENT ON COLUMN outbox_audit.attempts.error_code IS 'A stable word for machines; of a late attempt, its own outcome.';

COMMENT ON COLUMN outbox_audit.attempts.timings IS 'Milliseconds by phase.';

COMMENT ON COLUMN outbox_audit.attempts.response_cut IS 'Whether more of the answer came than is kept.';

COMMENT ON COLUMN outbox_audit.attempts.content_type IS 'Content type of the report.';

COMMENT ON COLUMN outbox_audit.attempts.request_text IS 'request_body as text; NULL where it is not UTF-8.';

COMMENT ON COLUMN outbox_audit.attempts.response_text IS 'response_body as text; NULL where it is not UTF-8.';

CREATE VIEW outbox_audit.unopened AS
 SELECT u.connector_id,
    w.name AS worker
   FROM (outbox.worker w
     CROSS JOIN LATERAL unnest(w.unopened) u(connector_id))
  WHERE ((w.stopped_at IS NULL) AND (w.seen_at > (now() - '00:01:00'::interval)));

COMMENT ON VIEW outbox_audit.unopened IS 'Connectors whose deliveries wait since a running daemon has no key for their secret.';

COMMENT ON COLUMN outbox_audit.unopened.connector_id IS 'The connector.';

COMMENT ON COLUMN outbox_audit.unopened.worker IS 'The daemon.';

CREATE VIEW outbox_audit.deliveries AS
 SELECT d.event_id,
    c.name AS connector,
    d.connector_version,
    d.contract_id,
    d.business_unit,
    d.trigger,
        CASE
            WHEN (a.delivered_at IS NOT NULL) THEN 'delivered'::text
            WHEN (q.event_id IS NULL) THEN COALESCE(a.settled, 'unknown'::text)
            WHEN ((q.lease_token IS NOT NULL) AND (q.due_at > now())) THEN 'leased'::text
            WHEN ((NOT c.enabled) OR (c.id IN ( SELECT u.connector_id
               FROM outbox_audit.unopened u)) OR (EXISTS ( SELECT
               FROM outbox.health h
              WHERE ((h.connector_id = c.id) AND (h.held_at IS NOT NULL))))) THEN 'held'::text
            WHEN (NOT q.ready) THEN 'blocked'::text
            ELSE 'pending'::text
        END AS state,
    COALESCE(q.attempts, a.attempts, 0) AS attempts,
    q.due_at,
    d.created_at,
        CASE
            WHEN (a.delivered_at IS NOT NULL) THEN a.delivered_at
            WHEN (q.event_id IS NULL) THEN a.settled_at
            ELSE NULL::timestamp with time zone
        END AS finished_at,
    COALESCE(a.last_error, q.last_error) AS last_error,
    d.connector_id,
    d.kind,
        CASE
            WHEN (NOT q.ready) THEN ( SELECT h.event_id
               FROM outbox.queue h
              WHERE ((h.contract_id = q.contract_id) AND (h.connector_id = q.connector_id))
              ORDER BY h."position"
             LIMIT 1)
            ELSE NULL::bigint
        END AS blocked_by,
    q.lease_worker AS worker,
    COALESCE((q.kind = 'replay'::text), false) AS replaying,
    d.content_type,
    d.body
   FROM (((outbox.delivery d
     JOIN outbox.connector c ON ((c.id = d.connector_id)))
     LEFT JOIN outbox.queue q ON (((q.connector_id = d.connector_id) AND (q.event_id = d.event_id))))
     LEFT JOIN LATERAL ( SELECT max(t.number) AS attempts,
            min((t.started_at + (COALESCE(t.duration_ms, (0)::double precision) * '00:00:00.001'::interval))) FILTER (WHERE (t.settled = 'delivered'::text)) AS delivered_at,
            (array_agg(t.settled ORDER BY t.number DESC) FILTER (WHERE (t.settled IS NOT NULL)))[1] AS settled,
            max((t.started_at + (COALESCE(t.duration_ms, (0)::double precision) * '00:00:00.001'::interval))) FILTER (WHERE (t.settled IS NOT NULL)) AS settled_at,
            (array_agg(COALESCE(t.error, ('HTTP '::text || t.status_code), t.outcome) ORDER BY t.number DESC) FILTER (WHERE (t.outcome <> 'ok'::text)))[1] AS last_error
           FROM outbox.attempt t
          WHERE ((t.event_id = d.event_id) AND (t.connector_id = d.connector_id) AND (NOT t.late))) a ON (true))
  WHERE (d.kind <> 'test'::text);

COMMENT ON VIEW outbox_audit.deliveries IS 'One row for each event and connector that it goes to. Filter by contract_id, connector_id, business_unit, event_id or created_at; page by event_id, or by created_at and event_id within a stretch of time. For what is not delivered start from waiting, dead_letters or undelivered, which are small.';

COMMENT ON COLUMN outbox_audit.deliveries.event_id IS 'The event; with connector_id it is the delivery.';

COMMENT ON COLUMN outbox_audit.deliveries.connector IS 'The connector''s present name.';

COMMENT ON COLUMN outbox_audit.deliveries.connector_version IS 'Version of the connector that the report was built by.';

COMMENT ON COLUMN outbox_audit.deliveries.contract_id IS 'The contract.';

COMMENT ON COLUMN outbox_audit.deliveries.business_unit IS 'The contract''s business unit when the event was captured.';

COMMENT ON COLUMN outbox_audit.deliveries.trigger IS 'The event''s trigger.';

COMMENT ON COLUMN outbox_audit.deliveries.state IS 'pending, leased (being sent), held (its connector is), blocked (behind its lane''s head); delivered, dead, cancelled. unknown: neither waiting nor settled, which no delivery should be.';

COMMENT ON COLUMN outbox_audit.deliveries.attempts IS 'Number of the last attempt, replays included; one being made counts.';

COMMENT ON COLUMN outbox_audit.deliveries.due_at IS 'Next attempt not before; end of the lease while leased; NULL when nothing waits.';

COMMENT ON COLUMN outbox_audit.deliveries.created_at IS 'When it was routed.';

COMMENT ON COLUMN outbox_audit.deliveries.finished_at IS 'When it was delivered (the first time), went dead or was cancelled.';

COMMENT ON COLUMN outbox_audit.deliveries.last_error IS 'Why the latest attempt that failed did; kept once a later one succeeds.';

COMMENT ON COLUMN outbox_audit.deliveries.connector_id IS 'The connector.';

COMMENT ON COLUMN outbox_audit.deliveries.kind IS 'auto, or backfill.';

COMMENT ON COLUMN outbox_audit.deliveries.blocked_by IS 'The event at the head of its lane, which it waits for.';

COMMENT ON COLUMN outbox_audit.deliveries.worker IS 'Who holds the lease.';

COMMENT ON COLUMN outbox_audit.deliveries.replaying IS 'Whether a replay waits or is being sent.';

COMMENT ON COLUMN outbox_audit.deliveries.content_type IS 'Content type of the report.';

COMMENT ON COLUMN outbox_audit.deliveries.body IS 'The exact bytes of the report; NULL: could not be built, or erased.';

CREATE VIEW outbox_audit.cancelled AS
 SELECT d.event_id,
    d.connector,
    d.connector_version,
    d.contract_id,
    d.business_unit,
    d.trigger,
    d.state,
    d.attempts,
    d.due_at,
    d.created_at,
    d.finished_at,
    d.last_error,
    d.connector_id,
    d.kind,
    d.blocked_by,
    d.worker,
    d.replaying,
    d.content_type,
    d.body
   FROM (outbox.attempt t
     JOIN outbox_audit.deliveries d ON (((d.event_id = t.event_id) AND (d.connector_id = t.connector_id))))
  WHERE ((t.settled = 'cancelled'::text) AND
        CASE
            WHEN (d.state = 'cancelled'::text) THEN true
            ELSE false
        END AND (NOT (EXISTS ( SELECT
           FROM outbox.attempt o
          WHERE ((o.event_id = t.event_id) AND (o.connector_id = t.connector_id) AND (o.settled = 'cancelled'::text) AND (o.number > t.number))
         OFFSET 0))));

COMMENT ON VIEW outbox_audit.cancelled IS 'Deliveries that were cancelled, as when their connector was removed. Columns as in deliveries.';

COMMENT ON COLUMN outbox_audit.cancelled.event_id IS 'The event; with connector_id it is the delivery.';

COMMENT ON COLUMN outbox_audit.cancelled.connector IS 'The connector''s present name.';

COMMENT ON COLUMN outbox_audit.cancelled.connector_version IS 'Version of the connector that the report was built by.';

COMMENT ON COLUMN outbox_audit.cancelled.contract_id IS 'The contract.';

COMMENT ON COLUMN outbox_audit.cancelled.business_unit IS 'The contract''s business unit when the event was captured.';

COMMENT ON COLUMN outbox_audit.cancelled.trigger IS 'The event''s trigger.';

COMMENT ON COLUMN outbox_audit.cancelled.state IS 'pending, leased (being sent), held (its connector is), blocked (behind its lane''s head); delivered, dead, cancelled. unknown: neither waiting nor settled, which no delivery should be.';

COMMENT ON COLUMN outbox_audit.cancelled.attempts IS 'Number of the last attempt, replays included; one being made counts.';

COMMENT ON COLUMN outbox_audit.cancelled.due_at IS 'Next attempt not before; end of the lease while leased; NULL when nothing waits.';

COMMENT ON COLUMN outbox_audit.cancelled.created_at IS 'When it was routed.';

COMMENT ON COLUMN outbox_audit.cancelled.finished_at IS 'When it was delivered (the first time), went dead or was cancelled.';

COMMENT ON COLUMN outbox_audit.cancelled.last_error IS 'Why the latest attempt that failed did; kept once a later one succeeds.';

COMMENT ON COLUMN outbox_audit.cancelled.connector_id IS 'The connector.';

COMMENT ON COLUMN outbox_audit.cancelled.kind IS 'auto, or backfill.';

COMMENT ON COLUMN outbox_audit.cancelled.blocked_by IS 'The event at the head of its lane, which it waits for.';

COMMENT ON COLUMN outbox_audit.cancelled.worker IS 'Who holds the lease.';

COMMENT ON COLUMN outbox_audit.cancelled.replaying IS 'Whether a replay waits or is being sent.';

COMMENT ON COLUMN outbox_audit.cancelled.content_type IS 'Content type of the report.';

COMMENT ON COLUMN outbox_audit.cancelled.body IS 'The exact bytes of the report; NULL: could not be built, or erased.';

CREATE VIEW outbox_audit.capture_errors AS
 SELECT id AS capture_error_id,
    occurred_at,
    rule,
    table_name,
    operation,
    trigger,
    contract_id,
    sqlstate,
    message,
    recaptured_at,
    event_ids,
    xid AS transaction_id
   FROM outbox.capture_error x;

COMMENT ON VIEW outbox_audit.capture_errors IS 'Changes that a capture rule could not read; `outbox recapture` makes events of them once the mapping is mended. WHERE recaptured_at IS NULL: those that still wait for it.';

COMMENT ON COLUMN outbox_audit.capture_errors.capture_error_id IS 'Its number.';

COMMENT ON COLUMN outbox_audit.capture_errors.occurred_at IS 'When the application''s statement ran.';

COMMENT ON COLUMN outbox_audit.capture_errors.rule IS 'The rule that failed.';

COMMENT ON COLUMN outbox_audit.capture_errors.table_name IS 'The table that was changed; NULL where it failed at commit.';

COMMENT ON COLUMN outbox_audit.capture_errors.operation IS 'INSERT, UPDATE, DELETE or TRUNCATE; NULL where it failed at commit.';

COMMENT ON COLUMN outbox_audit.capture_errors.trigger IS 'The trigger that the rule raises, where it is known.';

COMMENT ON COLUMN outbox_audit.capture_errors.contract_id IS 'The contract, where it is known.';

COMMENT ON COLUMN outbox_audit.capture_errors.sqlstate IS 'PostgreSQL''s code of the error.';

COMMENT ON COLUMN outbox_audit.capture_errors.message IS 'PostgreSQL''s words, which may quote a value of the changed row; `erased` where the contract''s content was erased.';

COMMENT ON COLUMN outbox_audit.capture_errors.recaptured_at IS 'When it was captured after all, or erased; NULL while it waits.';

COMMENT ON COLUMN outbox_audit.capture_errors.event_ids IS 'The events that were made of it.';

COMMENT ON COLUMN outbox_audit.capture_errors.transaction_id IS 'The application''s transaction.';

CREATE VIEW outbox_audit.config_changes AS
 WITH kept AS (
         SELECT v.connector_id,
            v.version,
            v.action,
            v.spec,
            v.changed_at,
            v.changed_by,
            v.origin,
            ((v.spec - ARRAY['headers'::text, 'secret_changed'::text, 'signing_secret_changed'::text, 'headers_changed'::text]) || COALESCE(( SELECT jsonb_object_agg(('headers.'::text || h.key), h.value) AS jsonb_object_agg
                   FROM jsonb_each(
                        CASE jsonb_typeof((v.spec -> 'headers'::text))
                            WHEN 'object'::text THEN (v.spec -> 'headers'::text)
                            ELSE NULL::jsonb
                        END) h(key, value)), '{}'::jsonb)) AS now
           FROM outbox.connector_version v
        ), versions AS (
         SELECT k.connector_id,
            k.version,
            k.action,
            k.spec,
            k.changed_at,
            k.changed_by,
            k.origin,
            k.now,
            lag(k.now, 1, '{}'::jsonb) OVER (PARTITION BY k.connector_id ORDER BY k.version) AS before,
            (ARRAY( SELECT m.secret
                   FROM unnest(ARRAY['secret'::text, 'signing_secret'::text]) m(secret)
                  WHERE (k.spec ? (m.secret || '_changed'::text))) || ARRAY( SELECT ('headers.'::text || n.name)
                   FROM jsonb_array_elements_text(COALESCE((k.spec -> 'headers_changed'::text), '[]'::jsonb)) n(name))) AS renewed
           FROM kept k
        ), mappings AS (
         SELECT s.id,
            s.installed_at,
            s.installed_by,
            s.removed_at,
            (s.mapping - 'installed'::text) AS now,
            lag((s.mapping - 'installed'::text), 1, '{}'::jsonb) OVER (ORDER BY s.id) AS before,
            lead(s.installed_at) OVER (ORDER BY s.id) AS next_installed_at
           FROM outbox.source s
        )
 SELECT v.changed_at,
    v.changed_by,
    v.origin,
    'connector'::text AS what,
    c.name AS connector,
    v.version,
    v.action,
    d.key,
    d.old,
    d.new,
    v.connector_id
   FROM ((versions v
     JOIN outbox.connector c ON ((c.id = v.connector_id)))
     LEFT JOIN LATERAL ( SELECT k.key,
            (v.before -> k.key) AS old,
                CASE
                    WHEN ((v.before -> k.key) = (v.now -> k.key)) THEN '"changed"'::jsonb
                    ELSE (v.now -> k.key)
                END AS new
           FROM ( SELECT jsonb_object_keys(v.before) AS jsonb_object_keys
                UNION
                 SELECT jsonb_object_keys(v.now) AS jsonb_object_keys) k(key)
          WHERE (((v.before -> k.key) IS DISTINCT FROM (v.now -> k.key)) OR (k.key = ANY (v.renewed)))) d ON (true))
UNION ALL
 SELECT m.installed_at AS changed_at,
    m.installed_by AS changed_by,
    'code'::text AS origin,
    'mapping'::text AS what,
    NULL::text AS connector,
    m.id AS version,
    'install'::text AS action,
    d.key,
    d.old,
    d.new,
    NULL::integer AS connector_id
   FROM (mappings m
     LEFT JOIN LATERAL ( SELECT k.key,
            (m.before -> k.key) AS old,
            (m.now -> k.key) AS new
           FROM ( SELECT jsonb_object_keys(m.before) AS jsonb_object_keys
                UNION
                 SELECT jsonb_object_keys(m.now) AS jsonb_object_keys) k(key)
          WHERE ((m.before -> k.key) IS DISTINCT FROM (m.now -> k.key))) d ON (true))
UNION ALL
 SELECT m.removed_at AS changed_at,
    NULL::text AS changed_by,
    'code'::text AS origin,
    'mapping'::text AS what,
    NULL::text AS connector,
    m.id AS version,
    'uninstall'::text AS action,
    NULL::text AS key,
    NULL::jsonb AS old,
    NULL::jsonb AS new,
    NULL::integer AS connector_id
   FROM mappings m
  WHERE ((m.removed_at IS NOT NULL) AND ((m.next_installed_at IS NULL) OR (m.next_installed_at > (m.removed_at + '00:00:01'::interval))));

COMMENT ON VIEW outbox_audit.config_changes IS 'Who changed which connector, or the installed mapping, when, and what differed: one row for each key. Never a secret.';

COMMENT ON COLUMN outbox_audit.config_changes.changed_at IS 'When.';

COMMENT ON COLUMN outbox_audit.config_changes.changed_by IS 'Who; of a mapping the database''s role; NULL of an uninstall, which is not recorded.';

COMMENT ON COLUMN outbox_audit.config_changes.origin IS 'From where: code (a file), command, page, api, or relay (the service itself).';

COMMENT ON COLUMN outbox_audit.config_changes.what IS 'connector, or mapping.';

COMMENT ON COLUMN outbox_audit.config_changes.connector IS 'The connector''s present name; NULL of a mapping.';

COMMENT ON COLUMN outbox_audit.config_changes.version IS 'The version of the connector that the change made; of a mapping the number of its install.';

COMMENT ON COLUMN outbox_audit.config_changes.action IS 'create, edit, enable, disable or remove; of a mapping install or uninstall.';

COMMENT ON COLUMN outbox_audit.config_changes.key IS 'What differs: a field of the connector (headers.X of an own header), or a part of the mapping; NULL: nothing does.';

COMMENT ON COLUMN outbox_audit.config_changes.old IS 'Its value before, as JSON; NULL: it had none. Of a secret only set or none.';

COMMENT ON COLUMN outbox_audit.config_changes.new IS 'Its value since, as JSON; "changed" where one secret took another''s place.';

COMMENT ON COLUMN outbox_audit.config_changes.connector_id IS 'The connector; NULL of a mapping.';

CREATE VIEW outbox_audit.connector_daily AS
 SELECT c.name AS connector,
    a.day,
    a.attempts,
    a.ok,
    a.failed,
    a.lost,
    a.late,
    a.delivered,
    a.dead,
    a.cancelled,
    round(((a.ok)::numeric / (NULLIF(a.attempts, 0))::numeric), 4) AS success_rate,
    a.delivery_ms[1] AS delivery_p50_ms,
    a.delivery_ms[2] AS delivery_p95_ms,
    a.delivery_ms[3] AS delivery_p99_ms,
    a.answer_ms[1] AS answer_p50_ms,
    a.answer_ms[2] AS answer_p95_ms,
    a.answer_ms[3] AS answer_p99_ms,
    a.connector_id
   FROM (( SELECT k.connector_id,
            k.day,
            k.attempts,
            k.ok,
            k.failed,
            k.lost,
            k.late,
            k.delivered,
            k.dead,
            k.cancelled,
            k.delivery_ms,
            k.answer_ms
           FROM outbox.connector_day k
        UNION ALL
         SELECT l.connector_id,
            l.day,
            l.attempts,
            l.ok,
            l.failed,
            l.lost,
            l.late,
            l.delivered,
            l.dead,
            l.cancelled,
            l.delivery_ms,
            l.answer_ms
           FROM outbox.attempt_day l
          WHERE (l.day > ( SELECT COALESCE(max(k.day), '-infinity'::date) AS "coalesce"
                   FROM outbox.connector_day k))) a
     JOIN outbox.connector c ON ((c.id = a.connector_id)));

COMMENT ON VIEW outbox_audit.connector_daily IS 'How each connector did on each UTC day of its attempts, tests left out. Filter by day, connector_id or connector. A day is counted for good six hours after its end.';

COMMENT ON COLUMN outbox_audit.connector_daily.connector IS 'The connector''s present name.';

COMMENT ON COLUMN outbox_audit.connector_daily.day IS 'UTC day on which the attempts began.';

COMMENT ON COLUMN outbox_audit.connector_daily.attempts IS 'Attempts, replays included; neither tests, nor cancelled deliveries, nor late answers.';

COMMENT ON COLUMN outbox_audit.connector_daily.ok IS 'Attempts that were answered 2xx.';

COMMENT ON COLUMN outbox_audit.connector_daily.failed IS 'Attempts that failed, whatever followed.';

COMMENT ON COLUMN outbox_audit.connector_daily.lost IS 'Attempts whose worker did not come back.';

COMMENT ON COLUMN outbox_audit.connector_daily.late IS 'Of the lost ones, those whose answer came after the lease had gone to another.';

COMMENT ON COLUMN outbox_audit.connector_daily.delivered IS 'Deliveries that these attempts settled as delivered, each on the day of the first such attempt: a replay of one is not counted again.';

COMMENT ON COLUMN outbox_audit.connector_daily.dead IS 'Deliveries that these attempts settled as dead, each once; a failed replay of what was delivered is none.';

COMMENT ON COLUMN outbox_audit.connector_daily.cancelled IS 'Deliveries that were cancelled that day, each once; a cancelled replay of what was delivered is none.';

COMMENT ON COLUMN outbox_audit.connector_daily.success_rate IS 'ok / attempts, from 0 to 1; NULL without attempts.';

COMMENT ON COLUMN outbox_audit.connector_daily.delivery_p50_ms IS 'Median time from the change (the event''s occurred_at, in the application''s transaction) to its receiver''s 2xx, milliseconds; waiting, retries and holds included, replays and backfills not.';

COMMENT ON COLUMN outbox_audit.connector_daily.delivery_p95_ms IS 'The same, which 95 in 100 did not exceed.';

COMMENT ON COLUMN outbox_audit.connector_daily.delivery_p99_ms IS 'The same, which 99 in 100 did not exceed.';

COMMENT ON COLUMN outbox_audit.connector_daily.answer_p50_ms IS 'Median time that the receiver took to answer, with whatever status, milliseconds.';

COMMENT ON COLUMN outbox_audit.connector_daily.answer_p95_ms IS 'The same, which 95 in 100 did not exceed.';

COMMENT ON COLUMN outbox_audit.connector_daily.answer_p99_ms IS 'The same, which 99 in 100 did not exceed.';

COMMENT ON COLUMN outbox_audit.connector_daily.connector_id IS 'The connector.';

CREATE VIEW outbox_audit.connectors AS
 SELECT c.name AS connector,
    c.id AS connector_id,
    c.version,
        CASE
            WHEN (c.removed_at IS NOT NULL) THEN 'removed'::text
            WHEN (NOT c.enabled) THEN 'disabled'::text
            WHEN ((h.held_at IS NOT NULL) OR (c.id IN ( SELECT u.connector_id
               FROM outbox_audit.unopened u))) THEN 'held'::text
            ELSE 'enabled'::text
        END AS state,
    COALESCE(c.disabled_reason, h.held_reason, ( SELECT ('its secret can''t be opened with the keys of '::text || string_agg(u.worker, ', '::text ORDER BY u.worker))
           FROM outbox_audit.unopened u
          WHERE (u.connector_id = c.id))) AS state_reason,
    COALESCE(c.removed_at, c.disabled_at, h.held_at) AS state_since,
    h.failures,
    h.failing_since,
        CASE
            WHEN c.enabled THEN h.probe_at
            ELSE NULL::timestamp with time zone
        END AS next_probe_at,
    h.last_error,
    ( SELECT count(*) AS count
           FROM outbox.queue q
          WHERE (q.connector_id = c.id)) AS waiting,
    c.business_units,
    c.triggers,
    c.url,
    c.content_type,
    c.ssl_verification,
    c.data,
    c.company_fields,
    c.field_mapping,
    c.form_style,
    c.lane_order,
    c.max_in_flight,
    c.rate_per_second,
    c.timeout_seconds,
    c.schedule,
    ARRAY( SELECT jsonb_object_keys(c.headers) AS name
          ORDER BY (jsonb_object_keys(c.headers))) AS header_names,
    c.username,
    (c.secret IS NOT NULL) AS has_secret,
    (c.signing_secret IS NOT NULL) AS has_signing_secret,
    c.discard,
    c.origin,
    c.created_at,
    c.updated_at
   FROM (outbox.connector c
     LEFT JOIN outbox.health h ON ((h.connector_id = c.id)));

COMMENT ON VIEW outbox_audit.connectors IS 'Connectors as they are now, removed ones too. Never a secret.';

COMMENT ON COLUMN outbox_audit.connectors.connector IS 'Its name; that of a removed one may have been given again.';

COMMENT ON COLUMN outbox_audit.connectors.connector_id IS 'Its number, which stays when the name changes.';

COMMENT ON COLUMN outbox_audit.connectors.version IS 'Counted up with every change; config_changes has what each was.';

COMMENT ON COLUMN outbox_audit.connectors.state IS 'enabled; held or disabled: its deliveries wait, see state_reason; removed.';

COMMENT ON COLUMN outbox_audit.connectors.state_reason IS 'Why it is held or disabled.';

COMMENT ON COLUMN outbox_audit.connectors.state_since IS 'Since when it is held, disabled or removed; NULL while it is enabled.';

COMMENT ON COLUMN outbox_audit.connectors.failures IS 'Attempts in a row that its receiver did not answer; NULL: it is well.';

COMMENT ON COLUMN outbox_audit.connectors.failing_since IS 'Start of the first of these attempts.';

COMMENT ON COLUMN outbox_audit.connectors.next_probe_at IS 'While held: when it is probed next, or the end of the lease of the probe that is out.';

COMMENT ON COLUMN outbox_audit.connectors.last_error IS 'The last of these failures in words.';

COMMENT ON COLUMN outbox_audit.connectors.waiting IS 'Deliveries in the queue, whatever their state.';

COMMENT ON COLUMN outbox_audit.connectors.business_units IS 'Ids of business units; * stands for all.';

COMMENT ON COLUMN outbox_audit.connectors.triggers IS 'The triggers that it hears of: create, update, send, review, expired.';

COMMENT ON COLUMN outbox_audit.connectors.url IS 'Where its reports go: the payload URL.';

COMMENT ON COLUMN outbox_audit.connectors.content_type IS 'application/json, or application/x-www-form-urlencoded.';

COMMENT ON COLUMN outbox_audit.connectors.ssl_verification IS 'Whether the receiver''s certificate is checked.';

COMMENT ON COLUMN outbox_audit.connectors.data IS 'What it gets: everything, or the status alone.';

COMMENT ON COLUMN outbox_audit.connectors.company_fields IS 'Extra fields of the contract''s company that it gets.';

COMMENT ON COLUMN outbox_audit.connectors.field_mapping IS 'Contract fields that go to properties of its own, in order.';

COMMENT ON COLUMN outbox_audit.connectors.form_style IS 'How a form is written: fields, or all in one parameter payload.';

COMMENT ON COLUMN outbox_audit.connectors.lane_order IS 'contract: each contract''s reports in order; none: no order.';

COMMENT ON COLUMN outbox_audit.connectors.max_in_flight IS 'Most reports at one time, over all workers.';

COMMENT ON COLUMN outbox_audit.connectors.rate_per_second IS 'Most reports a second over all workers; NULL: as many as max_in_flight lets.';

COMMENT ON COLUMN outbox_audit.connectors.timeout_seconds IS 'How long a receiver may take for one attempt.';

COMMENT ON COLUMN outbox_audit.connectors.schedule IS 'Seconds before the 2nd, 3rd, ... attempt; NULL: the service''s own.';

COMMENT ON COLUMN outbox_audit.connectors.header_names IS 'Names of its own headers; their values may be secret.';

COMMENT ON COLUMN outbox_audit.connectors.username IS 'User name that goes with its secret.';

COMMENT ON COLUMN outbox_audit.connectors.has_secret IS 'Whether a secret is set.';

COMMENT ON COLUMN outbox_audit.connectors.has_signing_secret IS 'Whether its reports are signed.';

COMMENT ON COLUMN outbox_audit.connectors.discard IS 'Whether, while disabled, its deliveries are dropped and not kept waiting.';

COMMENT ON COLUMN outbox_audit.connectors.origin IS 'Who keeps it: code (connectors.toml), command or page.';

COMMENT ON COLUMN outbox_audit.connectors.created_at IS 'When it was made.';

COMMENT ON COLUMN outbox_audit.connectors.updated_at IS 'When it was last changed.';

CREATE VIEW outbox_audit.connector_health AS
 SELECT c.connector,
    c.state,
    c.state_reason,
    c.state_since,
    c.failures,
    c.failing_since,
    c.next_probe_at,
    c.last_error,
    COALESCE(q.waiting, (0)::bigint) AS waiting,
    COALESCE(q.leased, (0)::bigint) AS leased,
    COALESCE(q.blocked, (0)::bigint) AS blocked,
    q.oldest_event_id,
    ( SELECT d.created_at
           FROM outbox.delivery d
          WHERE ((d.event_id = q.oldest_event_id) AND (d.connector_id = c.connector_id))) AS oldest_waits_since,
    COALESCE(a.attempts, (0)::bigint) AS attempts_last_hour,
    COALESCE(a.ok, (0)::bigint) AS ok_last_hour,
    round(((a.ok)::numeric / (NULLIF(a.attempts, 0))::numeric), 4) AS success_rate_last_hour,
    COALESCE(a.dead, (0)::bigint) AS dead_last_hour,
    a.last_ok_at,
    a.answer_ms[1] AS answer_p50_ms,
    a.answer_ms[2] AS answer_p95_ms,
    a.answer_ms[3] AS answer_p99_ms,
    c.connector_id
   FROM ((outbox_audit.connectors c
     LEFT JOIN ( SELECT w.connector_id,
            count(*) AS waiting,
            count(*) FILTER (WHERE ((w.lease_token IS NOT NULL) AND (w.due_at > now()))) AS leased,
            count(*) FILTER (WHERE (NOT w.ready)) AS blocked,
            min(w.event_id) AS oldest_event_id
           FROM outbox.queue w
          GROUP BY w.connector_id) q ON ((q.connector_id = c.connector_id)))
     LEFT JOIN ( SELECT t.connector_id,
            count(*) FILTER (WHERE (t.settled IS DISTINCT FROM 'cancelled'::text)) AS attempts,
            count(*) FILTER (WHERE (t.outcome = 'ok'::text)) AS ok,
            count(*) FILTER (WHERE ((t.settled = 'dead'::text) AND ((t.kind <> 'replay'::text) OR (NOT (EXISTS ( SELECT
                   FROM outbox.attempt o
                  WHERE ((o.event_id = t.event_id) AND (o.connector_id = t.connector_id) AND (o.number < t.number) AND (o.settled = ANY (ARRAY['delivered'::text, 'dead'::text])))
                 OFFSET 0)))))) AS dead,
            max(t.started_at) FILTER (WHERE (t.outcome = 'ok'::text)) AS last_ok_at,
            percentile_cont((ARRAY[0.5, 0.95, 0.99])::double precision[]) WITHIN GROUP (ORDER BY t.duration_ms) FILTER (WHERE (t.status_code IS NOT NULL)) AS answer_ms
           FROM outbox.attempt t
          WHERE ((t.started_at > (now() - '01:00:00'::interval)) AND (t.kind <> 'test'::text) AND (NOT t.late))
          GROUP BY t.connector_id) a ON ((a.connector_id = c.connector_id)))
  WHERE (c.state <> 'removed'::text);

COMMENT ON VIEW outbox_audit.connector_health IS 'How each connector does now: its state, what waits for it, and what came of the attempts of the last hour, tests left out.';

COMMENT ON COLUMN outbox_audit.connector_health.connector IS 'Its name.';

COMMENT ON COLUMN outbox_audit.connector_health.state IS 'enabled, held or disabled.';

COMMENT ON COLUMN outbox_audit.connector_health.state_reason IS 'Why it is held or disabled.';

COMMENT ON COLUMN outbox_audit.connector_health.state_since IS 'Since when it is.';

COMMENT ON COLUMN outbox_audit.connector_health.failures IS 'Attempts in a row that its receiver did not answer; NULL: it is well.';

COMMENT ON COLUMN outbox_audit.connector_health.failing_since IS 'Start of the first of these attempts.';

COMMENT ON COLUMN outbox_audit.connector_health.next_probe_at IS 'While held: when it is probed next, or the end of the lease of the probe that is out.';

COMMENT ON COLUMN outbox_audit.connector_health.last_error IS 'The last of these failures in words.';

COMMENT ON COLUMN outbox_audit.connector_health.waiting IS 'Deliveries in the queue, whatever their state.';

COMMENT ON COLUMN outbox_audit.connector_health.leased IS 'Of them, those that are being sent.';

COMMENT ON COLUMN outbox_audit.connector_health.blocked IS 'Of them, those behind another of the same contract.';

COMMENT ON COLUMN outbox_audit.connector_health.oldest_event_id IS 'The oldest event that waits for it.';

COMMENT ON COLUMN outbox_audit.connector_health.oldest_waits_since IS 'When that one was routed.';

COMMENT ON COLUMN outbox_audit.connector_health.attempts_last_hour IS 'Attempts that began in the last hour; neither cancelled deliveries nor late answers.';

COMMENT ON COLUMN outbox_audit.connector_health.ok_last_hour IS 'Of them, those that were answered 2xx.';

COMMENT ON COLUMN outbox_audit.connector_health.success_rate_last_hour IS 'ok / attempts, from 0 to 1; NULL without attempts.';

COMMENT ON COLUMN outbox_audit.connector_health.dead_last_hour IS 'Deliveries that these attempts settled as dead for the first time; a failed replay of what was delivered or dead is none.';

COMMENT ON COLUMN outbox_audit.connector_health.last_ok_at IS 'Start of the last attempt of the hour that was answered 2xx.';

COMMENT ON COLUMN outbox_audit.connector_health.answer_p50_ms IS 'Median time that its receiver took to answer in the last hour, milliseconds.';

COMMENT ON COLUMN outbox_audit.connector_health.answer_p95_ms IS 'The same, which 95 in 100 did not exceed.';

COMMENT ON COLUMN outbox_audit.connector_health.answer_p99_ms IS 'The same, which 99 in 100 did not exceed.';

COMMENT ON COLUMN outbox_audit.connector_health.connector_id IS 'The connector.';

CREATE VIEW outbox_audit.connector_versions AS
 SELECT v.connector_id,
    c.name AS connector,
    v.version,
    v.action,
    v.changed_at,
    v.changed_by,
    v.origin,
    v.spec
   FROM (outbox.connector_version v
     JOIN outbox.connector c ON ((c.id = v.connector_id)));

COMMENT ON VIEW outbox_audit.connector_versions IS 'Every version of every connector as it was; config_changes has what differs. Filter by connector_id. Never a secret.';

COMMENT ON COLUMN outbox_audit.connector_versions.connector_id IS 'The connector.';

COMMENT ON COLUMN outbox_audit.connector_versions.connector IS 'The connector''s present name.';

COMMENT ON COLUMN outbox_audit.connector_versions.version IS 'From 1.';

COMMENT ON COLUMN outbox_audit.connector_versions.action IS 'What made it: create, edit, enable, disable or remove.';

COMMENT ON COLUMN outbox_audit.connector_versions.changed_at IS 'Since when it was in force.';

COMMENT ON COLUMN outbox_audit.connector_versions.changed_by IS 'Who made it.';

COMMENT ON COLUMN outbox_audit.connector_versions.origin IS 'From where: code (a file), command, page, api, or relay (the service itself).';

COMMENT ON COLUMN outbox_audit.connector_versions.spec IS 'The connector as it was; of secrets only whether one was set, and whether it changed.';

CREATE VIEW outbox_audit.contract_timeline AS
 SELECT e.contract_id,
    e.occurred_at AS at,
    'event'::text AS what,
    e.id AS event_id,
    NULL::text AS connector,
    concat_ws(': '::text, e.trigger, NULLIF(concat_ws('; '::text, ( SELECT string_agg(
                CASE jsonb_typeof(x.value)
                    WHEN 'array'::text THEN format('%s %s -> %s'::text, x.key, (x.value -> 0), (x.value -> 1))
                    ELSE (x.key || ' changed'::text)
                END, '; '::text ORDER BY x.key) AS string_agg
           FROM jsonb_each(e.changed) x(key, value)), (e.detail)::text), ''::text)) AS words,
    e.trigger,
    NULL::integer AS number,
    NULL::text AS outcome,
    e.changed,
    1 AS hop,
    NULL::integer AS connector_id,
    e.business_unit
   FROM outbox.event e
UNION ALL
 SELECT e.contract_id,
    n.decided_at AS at,
    'decision'::text AS what,
    n.event_id,
    c.name AS connector,
    outbox_audit.decision_words(n.reason, e.trigger, e.business_unit, n.into_event_id, n.reread) AS words,
    e.trigger,
    NULL::integer AS number,
    NULL::text AS outcome,
    NULL::jsonb AS changed,
    2 AS hop,
    n.connector_id,
    e.business_unit
   FROM ((outbox.event e
     JOIN outbox.decision n ON ((n.event_id = e.id)))
     LEFT JOIN outbox.connector c ON ((c.id = n.connector_id)))
UNION ALL
 SELECT e.contract_id,
    r.asked_at AS at,
    'replay'::text AS what,
    r.event_id,
    c.name AS connector,
    concat('replay asked for by ', r.asked_by,
        CASE r.verdict
            WHEN 'again'::text THEN ': to be sent again'::text
            ELSE ': its next attempt made now'::text
        END) AS words,
    e.trigger,
    NULL::integer AS number,
    NULL::text AS outcome,
    NULL::jsonb AS changed,
    3 AS hop,
    r.connector_id,
    e.business_unit
   FROM ((outbox.event e
     JOIN outbox.replay r ON ((r.event_id = e.id)))
     JOIN outbox.connector c ON ((c.id = r.connector_id)))
UNION ALL
 SELECT d.contract_id,
    t.started_at AS at,
    'attempt'::text AS what,
    t.event_id,
    c.name AS connector,
    concat(
        CASE t.kind
            WHEN 'auto'::text THEN ''::text
            ELSE (t.kind || ', '::text)
        END, 'attempt ', t.number, ': ', t.outcome, (' '::text || t.status_code), ((' in '::text || round(t.duration_ms)) || ' ms'::text), (': '::text || t.error), ('; '::text || t.settled)) AS words,
    d.trigger,
    t.number,
    t.outcome,
    NULL::jsonb AS changed,
    4 AS hop,
    t.connector_id,
    d.business_unit
   FROM ((outbox.delivery d
     JOIN outbox.attempt t ON (((t.event_id = d.event_id) AND (t.connector_id = d.connector_id))))
     JOIN outbox.connector c ON ((c.id = d.connector_id)))
UNION ALL
 SELECT r.contract_id,
    r.erased_at AS at,
    'erasure'::text AS what,
    NULL::bigint AS event_id,
    NULL::text AS connector,
    concat('content erased by ', r.erased_by, ': ', r.reason,
        CASE
            WHEN (r.cancelled > 0) THEN ('; deliveries cancelled: '::text || r.cancelled)
            ELSE NULL::text
        END) AS words,
    NULL::text AS trigger,
    NULL::integer AS number,
    NULL::text AS outcome,
    NULL::jsonb AS changed,
    5 AS hop,
    NULL::integer AS connector_id,
    NULL::text AS business_unit
   FROM outbox.erasure r
  ORDER BY 1, 2, 4, 11, 12, 8;

COMMENT ON VIEW outbox_audit.contract_timeline IS 'Everything about a contract, in order: WHERE contract_id = ''...''. One row for each event, decision, replay, attempt and erasure.';

COMMENT ON COLUMN outbox_audit.contract_timeline.contract_id IS 'The contract.';

COMMENT ON COLUMN outbox_audit.contract_timeline.at IS 'When it happened.';

COMMENT ON COLUMN outbox_audit.contract_timeline.what IS 'event, decision, replay, attempt or erasure.';

COMMENT ON COLUMN outbox_audit.contract_timeline.event_id IS 'The event that it is about; NULL of an erasure, which is about all of them.';

COMMENT ON COLUMN outbox_audit.contract_timeline.connector IS 'The connector''s present name; NULL of an event, of a decision for all, and of an erasure.';

COMMENT ON COLUMN outbox_audit.contract_timeline.words IS 'What happened: columns with old -> new, a decision''s reason, an attempt''s answer, who erased and why.';

COMMENT ON COLUMN outbox_audit.contract_timeline.trigger IS 'The event''s trigger; NULL of an erasure.';

COMMENT ON COLUMN outbox_audit.contract_timeline.number IS 'Of an attempt: its number.';

COMMENT ON COLUMN outbox_audit.contract_timeline.outcome IS 'Of an attempt: ok, http_error, ..., as in attempts.';

COMMENT ON COLUMN outbox_audit.contract_timeline.changed IS 'Of an event: column -> [old, new].';

COMMENT ON COLUMN outbox_audit.contract_timeline.hop IS 'Order among what happened at one instant.';

COMMENT ON COLUMN outbox_audit.contract_timeline.connector_id IS 'The connector; NULL as connector is.';

COMMENT ON COLUMN outbox_audit.contract_timeline.business_unit IS 'The contract''s business unit when the event was captured; NULL where it had none, and of an erasure.';

CREATE VIEW outbox_audit.coverage AS
 WITH days AS NOT MATERIALIZED (
         SELECT (f.day + n.n) AS day,
            (((f.day + n.n))::timestamp without time zone AT TIME ZONE 'UTC'::text) AS starts,
            ((((f.day + n.n) + 1))::timestamp without time zone AT TIME ZONE 'UTC'::text) AS ends
           FROM (( SELECT ((( SELECT min(e.occurred_at) AS min
                           FROM outbox.event e) AT TIME ZONE 'UTC'::text))::date AS day) f
             CROSS JOIN LATERAL generate_series(0, ((((now() AT TIME ZONE 'UTC'::text))::date - f.day) + 1)) n(n))
        )
 SELECT e.business_unit,
    ((e.occurred_at AT TIME ZONE 'UTC'::text))::date AS day,
    'outbox'::text AS side,
    'not_routed'::text AS finding,
    count(*) AS found,
    min(e.contract_id) AS example,
    'waits to be routed'::text AS words
   FROM (outbox.inbox i
     JOIN outbox.event e ON ((e.id = i.event_id)))
  GROUP BY e.business_unit, (((e.occurred_at AT TIME ZONE 'UTC'::text))::date)
UNION ALL
 SELECT a.business_unit,
    s.day,
    'outbox'::text AS side,
    'not_decided'::text AS finding,
    a.found,
    a.example,
    'neither waits to be routed nor was decided'::text AS words
   FROM (days s
     CROSS JOIN LATERAL ( SELECT e.business_unit,
            count(*) AS found,
            min(e.contract_id) AS example
           FROM outbox.event e
          WHERE ((e.occurred_at >= s.starts) AND (e.occurred_at < s.ends) AND (NOT (EXISTS ( SELECT
                   FROM outbox.decision n
                  WHERE (n.event_id = e.id)
                 OFFSET 0))) AND (NOT (EXISTS ( SELECT
                   FROM outbox.inbox i
                  WHERE (i.event_id = e.id)
                 OFFSET 0))))
          GROUP BY e.business_unit) a)
UNION ALL
 SELECT a.business_unit,
    s.day,
    'outbox'::text AS side,
    'no_delivery'::text AS finding,
    a.found,
    a.example,
    'decided to be delivered, and there is no such delivery'::text AS words
   FROM (days s
     CROSS JOIN LATERAL ( SELECT e.business_unit,
            count(*) AS found,
            min(e.contract_id) AS example
           FROM (outbox.event e
             CROSS JOIN LATERAL ( SELECT n_1.connector_id
                   FROM outbox.decision n_1
                  WHERE ((n_1.event_id = e.id) AND (n_1.reason = ANY (ARRAY['deliver'::text, 'backfill'::text])) AND (NOT (EXISTS ( SELECT
                           FROM outbox.delivery d
                          WHERE ((d.event_id = n_1.event_id) AND (d.connector_id = n_1.connector_id))
                         OFFSET 0))))
                 OFFSET 0) n)
          WHERE ((e.occurred_at >= s.starts) AND (e.occurred_at < s.ends))
          GROUP BY e.business_unit) a)
UNION ALL
 SELECT a.business_unit,
    s.day,
    'outbox'::text AS side,
    'not_settled'::text AS finding,
    a.found,
    a.example,
    'a delivery that neither waits nor was settled'::text AS words
   FROM (days s
     CROSS JOIN LATERAL ( SELECT e.business_unit,
            count(*) AS found,
            min(e.contract_id) AS example
           FROM (outbox.event e
             CROSS JOIN LATERAL ( SELECT d_1.connector_id
                   FROM outbox.delivery d_1
                  WHERE ((d_1.event_id = e.id) AND (d_1.kind <> 'test'::text) AND (NOT (EXISTS ( SELECT
                           FROM outbox.attempt t
                          WHERE ((t.event_id = d_1.event_id) AND (t.connector_id = d_1.connector_id) AND (t.settled IS NOT NULL))
                         OFFSET 0))) AND (NOT (EXISTS ( SELECT
                           FROM outbox.queue q
                          WHERE ((q.event_id = d_1.event_id) AND (q.connector_id = d_1.connector_id))
                         OFFSET 0))))
                 OFFSET 0) d)
          WHERE ((e.occurred_at >= s.starts) AND (e.occurred_at < s.ends))
          GROUP BY e.business_unit) a)
UNION ALL
 SELECT a.business_unit,
    s.day,
    'outbox'::text AS side,
    'to_nobody'::text AS finding,
    a.found,
    a.example,
    'decided to go to no connector at all: not_sent says why'::text AS words
   FROM (days s
     CROSS JOIN LATERAL ( SELECT e.business_unit,
            count(*) AS found,
            min(e.contract_id) AS example
           FROM outbox.event e
          WHERE ((e.occurred_at >= s.starts) AND (e.occurred_at < s.ends) AND (EXISTS ( SELECT
                   FROM outbox.decision n
                  WHERE (n.event_id = e.id)
                 OFFSET 0)) AND (NOT (EXISTS ( SELECT
                   FROM outbox.decision n
                  WHERE ((n.event_id = e.id) AND (n.reason = ANY (ARRAY['deliver'::text, 'backfill'::text, 'coalesced'::text, 'unchanged'::text, 'erased'::text])))
                 OFFSET 0))))
          GROUP BY e.business_unit) a)
UNION ALL
 SELECT NULL::text AS business_unit,
    ((x.occurred_at AT TIME ZONE 'UTC'::text))::date AS day,
    'outbox'::text AS side,
    'not_captured'::text AS finding,
    count(*) AS found,
    min(x.contract_id) AS example,
    'a capture rule failed: outbox recapture'::text AS words
   FROM outbox.capture_error x
  WHERE (x.recaptured_at IS NULL)
  GROUP BY (((x.occurred_at AT TIME ZONE 'UTC'::text))::date)
UNION ALL
 SELECT u.business_unit,
    ((u.since AT TIME ZONE 'UTC'::text))::date AS day,
    'source'::text AS side,
    u.finding,
    count(*) AS found,
    min(u.contract_id) AS example,
    min(u.words) AS words
   FROM outbox_audit.uncovered_contracts() u(business_unit, contract_id, finding, columns, since, last_event_id, words)
  GROUP BY u.business_unit, (((u.since AT TIME ZONE 'UTC'::text))::date), u.finding;

COMMENT ON VIEW outbox_audit.coverage IS 'The missed-event detector: contracts and changes with no event or no delivery, by business unit and day. No row is good news.
Side outbox holds the facts against each other, side source holds every contract against its last event (outbox_audit.uncovered_contracts says what it finds and what not).
All of it reads all contracts and all events: WHERE side = ''outbox'' AND day >= ... is quick.';

COMMENT ON COLUMN outbox_audit.coverage.business_unit IS 'Owner of the contracts; NULL where it is unknown, as of what was not captured.';

COMMENT ON COLUMN outbox_audit.coverage.day IS 'UTC day on which the event occurred or the capture failed; on the source''s side that of the contract''s last event, else of its creation.';

COMMENT ON COLUMN outbox_audit.coverage.side IS 'outbox: facts held against each other; source: contracts held against their events.';

COMMENT ON COLUMN outbox_audit.coverage.finding IS 'not_routed (waits for routing, as every event does for a moment), not_decided, no_delivery (decided, but not made), not_settled (neither waits nor was settled), to_nobody (goes to no connector, for a recorded reason), not_captured (a capture rule failed); of the source no_create, changed, unseen, not_compared.';

COMMENT ON COLUMN outbox_audit.coverage.found IS 'How many events, deliveries, failures or contracts.';

COMMENT ON COLUMN outbox_audit.coverage.example IS 'One of their contracts.';

COMMENT ON COLUMN outbox_audit.coverage.words IS 'The finding in words.';

CREATE VIEW outbox_audit.dead_letters AS
 SELECT d.event_id,
    d.connector,
    d.connector_version,
    d.contract_id,
    d.business_unit,
    d.trigger,
    d.state,
    d.attempts,
    d.due_at,
    d.created_at,
    d.finished_at,
    d.last_error,
    d.connector_id,
    d.kind,
    d.blocked_by,
    d.worker,
    d.replaying,
    d.content_type,
    d.body
   FROM (outbox.attempt t
     JOIN outbox_audit.deliveries d ON (((d.event_id = t.event_id) AND (d.connector_id = t.connector_id))))
  WHERE ((t.settled = 'dead'::text) AND
        CASE
            WHEN (d.state = 'dead'::text) THEN true
            ELSE false
        END AND (NOT (EXISTS ( SELECT
           FROM outbox.attempt o
          WHERE ((o.event_id = t.event_id) AND (o.connector_id = t.connector_id) AND (o.settled = 'dead'::text) AND (o.number > t.number))
         OFFSET 0))));

COMMENT ON VIEW outbox_audit.dead_letters IS 'Deliveries that are dead; `outbox replay` sends them again. Columns as in deliveries.';

COMMENT ON COLUMN outbox_audit.dead_letters.event_id IS 'The event; with connector_id it is the delivery.';

COMMENT ON COLUMN outbox_audit.dead_letters.connector IS 'The connector''s present name.';

COMMENT ON COLUMN outbox_audit.dead_letters.connector_version IS 'Version of the connector that the report was built by.';

COMMENT ON COLUMN outbox_audit.dead_letters.contract_id IS 'The contract.';

COMMENT ON COLUMN outbox_audit.dead_letters.business_unit IS 'The contract''s business unit when the event was captured.';

COMMENT ON COLUMN outbox_audit.dead_letters.trigger IS 'The event''s trigger.';

COMMENT ON COLUMN outbox_audit.dead_letters.state IS 'pending, leased (being sent), held (its connector is), blocked (behind its lane''s head); delivered, dead, cancelled. unknown: neither waiting nor settled, which no delivery should be.';

COMMENT ON COLUMN outbox_audit.dead_letters.attempts IS 'Number of the last attempt, replays included; one being made counts.';

COMMENT ON COLUMN outbox_audit.dead_letters.due_at IS 'Next attempt not before; end of the lease while leased; NULL when nothing waits.';

COMMENT ON COLUMN outbox_audit.dead_letters.created_at IS 'When it was routed.';

COMMENT ON COLUMN outbox_audit.dead_letters.finished_at IS 'When it was delivered (the first time), went dead or was cancelled.';

COMMENT ON COLUMN outbox_audit.dead_letters.last_error IS 'Why the latest attempt that failed did; kept once a later one succeeds.';

COMMENT ON COLUMN outbox_audit.dead_letters.connector_id IS 'The connector.';

COMMENT ON COLUMN outbox_audit.dead_letters.kind IS 'auto, or backfill.';

COMMENT ON COLUMN outbox_audit.dead_letters.blocked_by IS 'The event at the head of its lane, which it waits for.';

COMMENT ON COLUMN outbox_audit.dead_letters.worker IS 'Who holds the lease.';

COMMENT ON COLUMN outbox_audit.dead_letters.replaying IS 'Whether a replay waits or is being sent.';

COMMENT ON COLUMN outbox_audit.dead_letters.content_type IS 'Content type of the report.';

COMMENT ON COLUMN outbox_audit.dead_letters.body IS 'The exact bytes of the report; NULL: could not be built, or erased.';

CREATE VIEW outbox_audit.decisions AS
 SELECT n.event_id,
    c.name AS connector,
    n.connector_id,
    n.connector_version,
    n.reason,
    n.into_event_id,
    n.reread,
    n.decided_at,
    outbox_audit.decision_words(n.reason, e.trigger, e.business_unit, n.into_event_id, n.reread) AS words
   FROM ((outbox.decision n
     LEFT JOIN outbox.event e ON ((e.id = n.event_id)))
     LEFT JOIN outbox.connector c ON ((c.id = n.connector_id)));

COMMENT ON VIEW outbox_audit.decisions IS 'Who gets an event and who does not, as it was decided. Filter by event_id; not_sent has what was decided against.';

COMMENT ON COLUMN outbox_audit.decisions.event_id IS 'The event.';

COMMENT ON COLUMN outbox_audit.decisions.connector IS 'For whom, by its present name; NULL where it holds for all.';

COMMENT ON COLUMN outbox_audit.decisions.connector_id IS 'The connector; NULL where it holds for all.';

COMMENT ON COLUMN outbox_audit.decisions.connector_version IS 'The connector''s version that was decided by.';

COMMENT ON COLUMN outbox_audit.decisions.reason IS 'deliver, backfill, trigger_not_chosen, discarded; for all: no_connector, no_business_unit, coalesced, unchanged, contract_gone, erased.';

COMMENT ON COLUMN outbox_audit.decisions.into_event_id IS 'Of coalesced: the event that is reported in its place.';

COMMENT ON COLUMN outbox_audit.decisions.reread IS 'Whether the document was read again, since a concurrent transaction changed the contract.';

COMMENT ON COLUMN outbox_audit.decisions.decided_at IS 'When.';

COMMENT ON COLUMN outbox_audit.decisions.words IS 'The decision in words.';

CREATE VIEW outbox_audit.duplicates AS
 SELECT t.event_id,
    c.name AS connector,
    d.contract_id,
    d.trigger,
    d.business_unit,
    a.arrivals,
    a.confirmed,
    a.replays,
    a.first_at,
    t.started_at AS last_at,
    a.outcomes,
    t.connector_id
   FROM (((outbox.attempt t
     JOIN outbox.delivery d ON (((d.event_id = t.event_id) AND (d.connector_id = t.connector_id))))
     JOIN outbox.connector c ON ((c.id = t.connector_id)))
     CROSS JOIN LATERAL ( SELECT count(DISTINCT o.number) AS arrivals,
            count(DISTINCT o.number) FILTER (WHERE ((o.status_code >= 200) AND (o.status_code <= 299))) AS confirmed,
            count(DISTINCT o.number) FILTER (WHERE (o.kind = 'replay'::text)) AS replays,
            min(o.started_at) AS first_at,
            max(o.number) AS last_number,
            array_agg(o.outcome ORDER BY o.number, o.late) AS outcomes
           FROM outbox.attempt o
          WHERE ((o.event_id = t.event_id) AND (o.connector_id = t.connector_id) AND outbox_audit.may_have_arrived(o.outcome, o.settled))) a)
  WHERE ((t.number > 1) AND (NOT t.late) AND (d.kind <> 'test'::text) AND
        CASE
            WHEN ((t.number = a.last_number) AND (a.arrivals > 1)) THEN true
            ELSE false
        END AND outbox_audit.may_have_arrived(t.outcome, t.settled));

COMMENT ON VIEW outbox_audit.duplicates IS 'Deliveries of which more than one attempt may have reached the receiver; webhook-id lets it tell. Filter by last_at, connector_id or contract_id.';

COMMENT ON COLUMN outbox_audit.duplicates.event_id IS 'The event; with the connector it is the delivery.';

COMMENT ON COLUMN outbox_audit.duplicates.connector IS 'Whose receiver may have got it twice.';

COMMENT ON COLUMN outbox_audit.duplicates.contract_id IS 'The contract.';

COMMENT ON COLUMN outbox_audit.duplicates.trigger IS 'The event''s trigger.';

COMMENT ON COLUMN outbox_audit.duplicates.business_unit IS 'The contract''s business unit.';

COMMENT ON COLUMN outbox_audit.duplicates.arrivals IS 'Attempts that may have arrived: ok, http_error, timeout, protocol, lost, late, interrupted; lost and late of one number count once.';

COMMENT ON COLUMN outbox_audit.duplicates.confirmed IS 'How many of them the receiver answered with 2xx, also too late: above 1 it certainly got it twice.';

COMMENT ON COLUMN outbox_audit.duplicates.replays IS 'How many of them a person asked for.';

COMMENT ON COLUMN outbox_audit.duplicates.first_at IS 'Start of the first of them.';

COMMENT ON COLUMN outbox_audit.duplicates.last_at IS 'Start of the last of them.';

COMMENT ON COLUMN outbox_audit.duplicates.outcomes IS 'Their outcomes, in order.';

COMMENT ON COLUMN outbox_audit.duplicates.connector_id IS 'The connector.';

CREATE VIEW outbox_audit.erasures AS
 SELECT id AS erasure_id,
    contract_id,
    erased_at,
    erased_by,
    login,
    reason,
    events,
    deliveries,
    attempts,
    notes,
    cancelled,
    capture_errors,
    unclear_errors
   FROM outbox.erasure r;

COMMENT ON VIEW outbox_audit.erasures IS 'Whose content was erased, when, by whom and why. What stays: ids, times, triggers, states, outcomes.';

COMMENT ON COLUMN outbox_audit.erasures.erasure_id IS 'Its number.';

COMMENT ON COLUMN outbox_audit.erasures.contract_id IS 'The contract; later changes of it are captured as ever.';

COMMENT ON COLUMN outbox_audit.erasures.erased_at IS 'When (database clock).';

COMMENT ON COLUMN outbox_audit.erasures.erased_by IS 'Who asked for it, as the command was told.';

COMMENT ON COLUMN outbox_audit.erasures.login IS 'The database login that ran it.';

COMMENT ON COLUMN outbox_audit.erasures.reason IS 'Why, in the words of who asked for it.';

COMMENT ON COLUMN outbox_audit.erasures.events IS 'Events whose document, changed and detail were taken out.';

COMMENT ON COLUMN outbox_audit.erasures.deliveries IS 'Deliveries whose report was taken out.';

COMMENT ON COLUMN outbox_audit.erasures.attempts IS 'Attempts whose answer and words were taken out.';

COMMENT ON COLUMN outbox_audit.erasures.notes IS 'Events that were not routed yet, and never will be.';

COMMENT ON COLUMN outbox_audit.erasures.cancelled IS 'Deliveries that waited and were cancelled.';

COMMENT ON COLUMN outbox_audit.erasures.capture_errors IS 'Capture errors whose rows were taken out; they are not recaptured.';

COMMENT ON COLUMN outbox_audit.erasures.unclear_errors IS 'Capture errors that waited then and of which nobody could tell the contract: recapture them, and erase again.';

CREATE VIEW outbox_audit.events AS
 SELECT id AS event_id,
    occurred_at,
    trigger,
    contract_id,
    business_unit,
    status,
    changed,
    detail,
    document,
    xid AS transaction_id,
    ( SELECT d.into_event_id
           FROM outbox.decision d
          WHERE ((d.event_id = e.id) AND (d.reason = 'coalesced'::text))
         LIMIT 1) AS coalesced_into,
    ( SELECT min(d.decided_at) AS min
           FROM outbox.decision d
          WHERE (d.event_id = e.id)) AS routed_at,
    (EXISTS ( SELECT
           FROM outbox.inbox i
          WHERE (i.event_id = e.id))) AS awaits_routing
   FROM outbox.event e;

COMMENT ON VIEW outbox_audit.events IS 'Every captured occurrence of create, update, send, review or expired. Filter by contract_id, business_unit, event_id or occurred_at; page by event_id, or by occurred_at and event_id within a stretch of time.';

COMMENT ON COLUMN outbox_audit.events.event_id IS 'Its number; a contract''s events are numbered in the order of their row locks.';

COMMENT ON COLUMN outbox_audit.events.occurred_at IS 'When the application''s statement ran (database clock).';

COMMENT ON COLUMN outbox_audit.events.trigger IS 'create, update, send, review or expired.';

COMMENT ON COLUMN outbox_audit.events.contract_id IS 'The contract, as text whatever its key''s type.';

COMMENT ON COLUMN outbox_audit.events.business_unit IS 'Owner of the contract; NULL where it has none, or was gone at commit.';

COMMENT ON COLUMN outbox_audit.events.status IS 'The contract''s status at commit.';

COMMENT ON COLUMN outbox_audit.events.changed IS 'Column -> [old, new]; column -> null where it changed and its values are not kept.';

COMMENT ON COLUMN outbox_audit.events.detail IS 'What belongs to this occurrence alone, such as the recipient of an e-mail.';

COMMENT ON COLUMN outbox_audit.events.document IS 'The contract as the mapping''s query gave it at commit; NULL where it was gone.';

COMMENT ON COLUMN outbox_audit.events.transaction_id IS 'The application''s transaction.';

COMMENT ON COLUMN outbox_audit.events.coalesced_into IS 'The event of the same transaction that is reported in its place.';

COMMENT ON COLUMN outbox_audit.events.routed_at IS 'When it was decided who gets it; NULL while it waits for that.';

COMMENT ON COLUMN outbox_audit.events.awaits_routing IS 'Whether its note stands in the inbox: who gets it is not decided yet.';

CREATE VIEW outbox_audit.migrations AS
 SELECT number,
    name,
    applied_at,
    sha256,
    oldest
   FROM outbox.migration m;

COMMENT ON VIEW outbox_audit.migrations IS 'Which migrations of the schema stand; the highest number is its version.';

COMMENT ON COLUMN outbox_audit.migrations.number IS 'Its number.';

COMMENT ON COLUMN outbox_audit.migrations.name IS 'What it is about.';

COMMENT ON COLUMN outbox_audit.migrations.applied_at IS 'When it was applied.';

COMMENT ON COLUMN outbox_audit.migrations.sha256 IS 'Digest of the file that it was applied from.';

COMMENT ON COLUMN outbox_audit.migrations.oldest IS 'The oldest version of the schema whose workers go on once it is applied.';

CREATE VIEW outbox_audit.not_sent AS
 SELECT n.event_id,
    c.name AS connector,
    n.reason,
    e.contract_id,
    e.trigger,
    e.business_unit,
    n.decided_at AS since,
    outbox_audit.decision_words(n.reason, e.trigger, e.business_unit, n.into_event_id, n.reread) AS words,
    n.connector_id
   FROM ((outbox.decision n
     JOIN outbox.event e ON ((e.id = n.event_id)))
     LEFT JOIN outbox.connector c ON ((c.id = n.connector_id)))
  WHERE ((n.reason <> ALL (ARRAY['deliver'::text, 'backfill'::text])) AND (NOT (EXISTS ( SELECT
           FROM outbox.delivery d
          WHERE ((d.event_id = n.event_id) AND (d.connector_id = n.connector_id))
         OFFSET 0))) AND (NOT ((n.connector_id IS NULL) AND (EXISTS ( SELECT
           FROM outbox.delivery d
          WHERE (d.event_id = n.event_id)
         OFFSET 0)))))
UNION ALL
 SELECT d.event_id,
    d.connector,
    d.state AS reason,
    d.contract_id,
    d.trigger,
    d.business_unit,
    d.finished_at AS since,
    concat_ws(': '::text, concat('not sent: dead after ', d.attempts,
        CASE d.attempts
            WHEN 1 THEN ' attempt'::text
            ELSE ' attempts'::text
        END), d.last_error) AS words,
    d.connector_id
   FROM outbox_audit.dead_letters d
UNION ALL
 SELECT d.event_id,
    d.connector,
    d.state AS reason,
    d.contract_id,
    d.trigger,
    d.business_unit,
    d.finished_at AS since,
    concat_ws(': '::text, 'not sent', d.last_error) AS words,
    d.connector_id
   FROM outbox_audit.cancelled d;

COMMENT ON VIEW outbox_audit.not_sent IS 'What was not sent and will not be unless a person acts, with the reason. What still waits stands in `waiting`.';

COMMENT ON COLUMN outbox_audit.not_sent.event_id IS 'The event.';

COMMENT ON COLUMN outbox_audit.not_sent.connector IS 'For whom; NULL where the reason holds for all.';

COMMENT ON COLUMN outbox_audit.not_sent.reason IS 'trigger_not_chosen, discarded, no_connector, no_business_unit, coalesced, unchanged, contract_gone, erased; dead, cancelled.';

COMMENT ON COLUMN outbox_audit.not_sent.contract_id IS 'The contract.';

COMMENT ON COLUMN outbox_audit.not_sent.trigger IS 'The event''s trigger.';

COMMENT ON COLUMN outbox_audit.not_sent.business_unit IS 'The contract''s business unit when the event was captured.';

COMMENT ON COLUMN outbox_audit.not_sent.since IS 'When that was decided or settled.';

COMMENT ON COLUMN outbox_audit.not_sent.words IS 'The reason in words.';

COMMENT ON COLUMN outbox_audit.not_sent.connector_id IS 'The connector; NULL where the reason holds for all.';

CREATE VIEW outbox_audit.order_violations AS
 SELECT d.contract_id,
    c.name AS connector,
    p.event_id AS earlier_event_id,
    d.event_id AS later_event_id,
    s.settled_at AS earlier_settled_at,
    t.started_at AS later_started_at,
    ((1000)::double precision * (EXTRACT(epoch FROM (s.settled_at - t.started_at)))::double precision) AS ahead_ms,
    d.business_unit,
    d.connector_id
   FROM ((((outbox.attempt t
     JOIN outbox.delivery d ON (((d.event_id = t.event_id) AND (d.connector_id = t.connector_id))))
     JOIN outbox.connector c ON ((c.id = t.connector_id)))
     CROSS JOIN LATERAL ( SELECT o.event_id,
            o.connector_version
           FROM outbox.delivery o
          WHERE ((o.contract_id = d.contract_id) AND (o.connector_id = d.connector_id) AND (o.event_id < d.event_id) AND (o.kind = 'auto'::text))
          ORDER BY o.event_id DESC
         LIMIT 1) p)
     CROSS JOIN LATERAL ( SELECT min((o.started_at + (COALESCE(o.duration_ms, (0)::double precision) * '00:00:00.001'::interval))) AS settled_at
           FROM outbox.attempt o
          WHERE ((o.event_id = p.event_id) AND (o.connector_id = d.connector_id) AND (o.settled IS NOT NULL) AND (NOT o.late))) s)
  WHERE ((t.kind = 'auto'::text) AND (NOT t.late) AND (t.settled = 'delivered'::text) AND (d.kind = 'auto'::text) AND ((s.settled_at IS NULL) OR (s.settled_at > t.started_at)) AND (NOT (EXISTS ( SELECT
           FROM outbox.connector_version v
          WHERE ((v.connector_id = d.connector_id) AND ((v.version >= p.connector_version) AND (v.version <= GREATEST(d.connector_version, t.connector_version))) AND ((v.spec ->> 'order'::text) = 'none'::text))))) AND (EXISTS ( SELECT
           FROM outbox.event earlier,
            outbox.event later
          WHERE ((earlier.id = p.event_id) AND (later.id = d.event_id) AND ((earlier.xid = later.xid) OR pg_visible_in_snapshot(earlier.xid, later.snapshot))))));

COMMENT ON VIEW outbox_audit.order_violations IS 'Where a connector with order contract was sent a contract''s later event before the earlier one was settled: there should be none. Filter by contract_id, or by connector_id and later_started_at.';

COMMENT ON COLUMN outbox_audit.order_violations.contract_id IS 'The contract.';

COMMENT ON COLUMN outbox_audit.order_violations.connector IS 'Who got them out of order.';

COMMENT ON COLUMN outbox_audit.order_violations.earlier_event_id IS 'The event that should have been settled first.';

COMMENT ON COLUMN outbox_audit.order_violations.later_event_id IS 'The event of the same contract that was delivered before that.';

COMMENT ON COLUMN outbox_audit.order_violations.earlier_settled_at IS 'When the earlier one was first settled; NULL: not yet.';

COMMENT ON COLUMN outbox_audit.order_violations.later_started_at IS 'When the attempt that delivered the later one began.';

COMMENT ON COLUMN outbox_audit.order_violations.ahead_ms IS 'By how much; below some milliseconds it may be the workers'' clocks, which follow the database''s. NULL: the earlier one is not settled yet.';

COMMENT ON COLUMN outbox_audit.order_violations.business_unit IS 'The contract''s business unit.';

COMMENT ON COLUMN outbox_audit.order_violations.connector_id IS 'The connector.';

CREATE VIEW outbox_audit.pruned AS
 SELECT range_start AS first_event_id,
    (range_end - 1) AS last_event_id,
    newest_at,
    keep,
    pruned_at
   FROM outbox.pruned p;

COMMENT ON VIEW outbox_audit.pruned IS 'Ranges of event ids of which nothing is kept any more: older than the retention, and all of it was settled.';

COMMENT ON COLUMN outbox_audit.pruned.first_event_id IS 'The first id of the range.';

COMMENT ON COLUMN outbox_audit.pruned.last_event_id IS 'The last one.';

COMMENT ON COLUMN outbox_audit.pruned.newest_at IS 'When the last event of the range occurred.';

COMMENT ON COLUMN outbox_audit.pruned.keep IS 'The retention that was in force.';

COMMENT ON COLUMN outbox_audit.pruned.pruned_at IS 'When it was dropped.';

CREATE VIEW outbox_audit.replays AS
 SELECT r.event_id,
    c.name AS connector,
    r.connector_id,
    r.verdict,
    r.asked_at,
    r.asked_by
   FROM (outbox.replay r
     JOIN outbox.connector c ON ((c.id = r.connector_id)));

COMMENT ON VIEW outbox_audit.replays IS 'Who asked for a replay of which delivery, and when. Filter by event_id.';

COMMENT ON COLUMN outbox_audit.replays.event_id IS 'The event; with the connector it is the delivery.';

COMMENT ON COLUMN outbox_audit.replays.connector IS 'The connector''s present name.';

COMMENT ON COLUMN outbox_audit.replays.connector_id IS 'The connector.';

COMMENT ON COLUMN outbox_audit.replays.verdict IS 'again: a finished delivery was queued once more; forward: the next attempt of a waiting one was made at once.';

COMMENT ON COLUMN outbox_audit.replays.asked_at IS 'When.';

COMMENT ON COLUMN outbox_audit.replays.asked_by IS 'Who, as the command was told.';

CREATE VIEW outbox_audit.waiting AS
 SELECT event_id,
    connector,
    connector_version,
    contract_id,
    business_unit,
    trigger,
    state,
    attempts,
    due_at,
    created_at,
    finished_at,
    last_error,
    connector_id,
    kind,
    blocked_by,
    worker,
    replaying,
    content_type,
    body
   FROM outbox_audit.deliveries d
  WHERE (((event_id, connector_id) IN ( SELECT q.event_id,
            q.connector_id
           FROM outbox.queue q)) AND (state = ANY (ARRAY['pending'::text, 'held'::text, 'blocked'::text, 'leased'::text])));

COMMENT ON VIEW outbox_audit.waiting IS 'Deliveries that are pending, held, blocked or leased; columns as in deliveries.';

COMMENT ON COLUMN outbox_audit.waiting.event_id IS 'The event; with connector_id it is the delivery.';

COMMENT ON COLUMN outbox_audit.waiting.connector IS 'The connector''s present name.';

COMMENT ON COLUMN outbox_audit.waiting.connector_version IS 'Version of the connector that the report was built by.';

COMMENT ON COLUMN outbox_audit.waiting.contract_id IS 'The contract.';

COMMENT ON COLUMN outbox_audit.waiting.business_unit IS 'The contract''s business unit when the event was captured.';

COMMENT ON COLUMN outbox_audit.waiting.trigger IS 'The event''s trigger.';

COMMENT ON COLUMN outbox_audit.waiting.state IS 'pending, leased (being sent), held (its connector is), blocked (behind its lane''s head); delivered, dead, cancelled. unknown: neither waiting nor settled, which no delivery should be.';

COMMENT ON COLUMN outbox_audit.waiting.attempts IS 'Number of the last attempt, replays included; one being made counts.';

COMMENT ON COLUMN outbox_audit.waiting.due_at IS 'Next attempt not before; end of the lease while leased; NULL when nothing waits.';

COMMENT ON COLUMN outbox_audit.waiting.created_at IS 'When it was routed.';

COMMENT ON COLUMN outbox_audit.waiting.finished_at IS 'When it was delivered (the first time), went dead or was cancelled.';

COMMENT ON COLUMN outbox_audit.waiting.last_error IS 'Why the latest attempt that failed did; kept once a later one succeeds.';

COMMENT ON COLUMN outbox_audit.waiting.connector_id IS 'The connector.';

COMMENT ON COLUMN outbox_audit.waiting.kind IS 'auto, or backfill.';

COMMENT ON COLUMN outbox_audit.waiting.blocked_by IS 'The event at the head of its lane, which it waits for.';

COMMENT ON COLUMN outbox_audit.waiting.worker IS 'Who holds the lease.';

COMMENT ON COLUMN outbox_audit.waiting.replaying IS 'Whether a replay waits or is being sent.';

COMMENT ON COLUMN outbox_audit.waiting.content_type IS 'Content type of the report.';

COMMENT ON COLUMN outbox_audit.waiting.body IS 'The exact bytes of the report; NULL: could not be built, or erased.';

CREATE VIEW outbox_audit.undelivered AS
 SELECT d.event_id,
    d.connector,
    d.connector_version,
    d.contract_id,
    d.business_unit,
    d.trigger,
    d.state,
    d.attempts,
    d.due_at,
    d.created_at,
    d.finished_at,
    d.last_error,
    d.connector_id,
    d.kind,
    d.blocked_by,
    d.worker,
    d.replaying,
    d.content_type,
    d.body,
        CASE
            WHEN (d.state = 'pending'::text) THEN GREATEST(d.due_at, now())
            WHEN ((d.state = 'held'::text) AND c.enabled) THEN h.probe_at
            ELSE NULL::timestamp with time zone
        END AS next_attempt_at,
        CASE d.state
            WHEN 'pending'::text THEN 'its turn'::text
            WHEN 'leased'::text THEN 'its receiver''s answer'::text
            WHEN 'blocked'::text THEN (('event '::text || d.blocked_by) || ' of the same contract'::text)
            WHEN 'held'::text THEN COALESCE(('its connector is enabled: '::text || c.disabled_reason), ('its receiver answers: '::text || h.held_reason), 'a daemon has the key of its secret'::text)
            ELSE NULL::text
        END AS waits_for
   FROM ((outbox_audit.waiting d
     JOIN outbox.connector c ON ((c.id = d.connector_id)))
     LEFT JOIN outbox.health h ON ((h.connector_id = d.connector_id)))
UNION ALL
 SELECT d.event_id,
    d.connector,
    d.connector_version,
    d.contract_id,
    d.business_unit,
    d.trigger,
    d.state,
    d.attempts,
    d.due_at,
    d.created_at,
    d.finished_at,
    d.last_error,
    d.connector_id,
    d.kind,
    d.blocked_by,
    d.worker,
    d.replaying,
    d.content_type,
    d.body,
    NULL::timestamp with time zone AS next_attempt_at,
    'a person: outbox replay'::text AS waits_for
   FROM outbox_audit.dead_letters d
UNION ALL
 SELECT d.event_id,
    d.connector,
    d.connector_version,
    d.contract_id,
    d.business_unit,
    d.trigger,
    d.state,
    d.attempts,
    d.due_at,
    d.created_at,
    d.finished_at,
    d.last_error,
    d.connector_id,
    d.kind,
    d.blocked_by,
    d.worker,
    d.replaying,
    d.content_type,
    d.body,
    NULL::timestamp with time zone AS next_attempt_at,
    NULL::text AS waits_for
   FROM outbox_audit.cancelled d;

COMMENT ON VIEW outbox_audit.undelivered IS 'Deliveries that are waiting, dead or cancelled, with their last error, their next attempt and what they wait for.';

COMMENT ON COLUMN outbox_audit.undelivered.event_id IS 'The event; with connector_id it is the delivery.';

COMMENT ON COLUMN outbox_audit.undelivered.connector IS 'The connector''s present name.';

COMMENT ON COLUMN outbox_audit.undelivered.connector_version IS 'Version of the connector that the report was built by.';

COMMENT ON COLUMN outbox_audit.undelivered.contract_id IS 'The contract.';

COMMENT ON COLUMN outbox_audit.undelivered.business_unit IS 'The contract''s business unit when the event was captured.';

COMMENT ON COLUMN outbox_audit.undelivered.trigger IS 'The event''s trigger.';

COMMENT ON COLUMN outbox_audit.undelivered.state IS 'pending, leased (being sent), held (its connector is), blocked (behind its lane''s head); delivered, dead, cancelled. unknown: neither waiting nor settled, which no delivery should be.';

COMMENT ON COLUMN outbox_audit.undelivered.attempts IS 'Number of the last attempt, replays included; one being made counts.';

COMMENT ON COLUMN outbox_audit.undelivered.due_at IS 'Next attempt not before; end of the lease while leased; NULL when nothing waits.';

COMMENT ON COLUMN outbox_audit.undelivered.created_at IS 'When it was routed.';

COMMENT ON COLUMN outbox_audit.undelivered.finished_at IS 'When it was delivered (the first time), went dead or was cancelled.';

COMMENT ON COLUMN outbox_audit.undelivered.last_error IS 'Why the latest attempt that failed did; kept once a later one succeeds.';

COMMENT ON COLUMN outbox_audit.undelivered.connector_id IS 'The connector.';

COMMENT ON COLUMN outbox_audit.undelivered.kind IS 'auto, or backfill.';

COMMENT ON COLUMN outbox_audit.undelivered.blocked_by IS 'The event at the head of its lane, which it waits for.';

COMMENT ON COLUMN outbox_audit.undelivered.worker IS 'Who holds the lease.';

COMMENT ON COLUMN outbox_audit.undelivered.replaying IS 'Whether a replay waits or is being sent.';

COMMENT ON COLUMN outbox_audit.undelivered.content_type IS 'Content type of the report.';

COMMENT ON COLUMN outbox_audit.undelivered.body IS 'The exact bytes of the report; NULL: could not be built, or erased.';

COMMENT ON COLUMN outbox_audit.undelivered.next_attempt_at IS 'When it is tried next by itself; NULL while it is being sent, blocked, or waits for a person.';

COMMENT ON COLUMN outbox_audit.undelivered.waits_for IS 'What must come first, in words; NULL of a cancelled one: nothing will.';

ALTER TABLE ONLY outbox.attempt ATTACH PARTITION outbox.attempt_0 FOR VALUES FROM ('0') TO ('5000000');

ALTER TABLE ONLY outbox.attempt ATTACH PARTITION outbox.attempt_default DEFAULT;

ALTER TABLE ONLY outbox.decision ATTACH PARTITION outbox.decision_0 FOR VALUES FROM ('0') TO ('5000000');

ALTER TABLE ONLY outbox.decision ATTACH PARTITION outbox.decision_default DEFAULT;

ALTER TABLE ONLY outbox.delivery ATTACH PARTITION outbox.delivery_0 FOR VALUES FROM ('0') TO ('5000000');

ALTER TABLE ONLY outbox.delivery ATTACH PARTITION outbox.delivery_default DEFAULT;

ALTER TABLE ONLY outbox.event ATTACH PARTITION outbox.event_0 FOR VALUES FROM ('0') TO ('5000000');

ALTER TABLE ONLY outbox.event ATTACH PARTITION outbox.event_default DEFAULT;

ALTER TABLE ONLY outbox.replay ATTACH PARTITION outbox.replay_0 FOR VALUES FROM ('0') TO ('5000000');

ALTER TABLE ONLY outbox.replay ATTACH PARTITION outbox.replay_10000000 FOR VALUES FROM ('10000000') TO ('15000000');

ALTER TABLE ONLY outbox.replay ATTACH PARTITION outbox.replay_15000000 FOR VALUES FROM ('15000000') TO ('20000000');

ALTER TABLE ONLY outbox.replay ATTACH PARTITION outbox.replay_5000000 FOR VALUES FROM ('5000000') TO ('10000000');

ALTER TABLE ONLY outbox.replay ATTACH PARTITION outbox.replay_default DEFAULT;

ALTER TABLE ONLY outbox.access_record
    ADD CONSTRAINT access_record_pkey PRIMARY KEY (id);

ALTER TABLE ONLY outbox.alert
    ADD CONSTRAINT alert_pkey PRIMARY KEY (id);

ALTER TABLE ONLY outbox.api_token
    ADD CONSTRAINT api_token_hash_key UNIQUE (hash);

ALTER TABLE ONLY outbox.api_token
    ADD CONSTRAINT api_token_pkey PRIMARY KEY (id);

ALTER TABLE ONLY outbox.attempt
    ADD CONSTRAINT attempt_pkey PRIMARY KEY (event_id, connector_id, number, late);

ALTER TABLE ONLY outbox.attempt_0
    ADD CONSTRAINT attempt_0_pkey PRIMARY KEY (event_id, connector_id, number, late);

ALTER TABLE ONLY outbox.attempt_default
    ADD CONSTRAINT attempt_default_pkey PRIMARY KEY (event_id, connector_id, number, late);

ALTER TABLE ONLY outbox.capture_error
    ADD CONSTRAINT capture_error_pkey PRIMARY KEY (id);

ALTER TABLE ONLY outbox.connector_day
    ADD CONSTRAINT connector_day_pkey PRIMARY KEY (day, connector_id);

ALTER TABLE ONLY outbox.connector
    ADD CONSTRAINT connector_pkey PRIMARY KEY (id);

ALTER TABLE ONLY outbox.connector_version
    ADD CONSTRAINT connector_version_pkey PRIMARY KEY (connector_id, version);

ALTER TABLE ONLY outbox.counted
    ADD CONSTRAINT counted_pkey PRIMARY KEY (minutes);

ALTER TABLE ONLY outbox.delivery
    ADD CONSTRAINT delivery_pkey PRIMARY KEY (event_id, connector_id);

ALTER TABLE ONLY outbox.delivery_0
    ADD CONSTRAINT delivery_0_pkey PRIMARY KEY (event_id, connector_id);

ALTER TABLE ONLY outbox.delivery_default
    ADD CONSTRAINT delivery_default_pkey PRIMARY KEY (event_id, connector_id);

ALTER TABLE ONLY outbox.erasure
    ADD CONSTRAINT erasure_pkey PRIMARY KEY (id);

ALTER TABLE ONLY outbox.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (id);

ALTER TABLE ONLY outbox.event_0
    ADD CONSTRAINT event_0_pkey PRIMARY KEY (id);

ALTER TABLE ONLY outbox.event_default
    ADD CONSTRAINT event_default_pkey PRIMARY KEY (id);

ALTER TABLE ONLY outbox.expiry
    ADD CONSTRAINT expiry_pkey PRIMARY KEY (contract_id, subject, deadline);

ALTER TABLE ONLY outbox.expiry_scan
    ADD CONSTRAINT expiry_scan_pkey PRIMARY KEY (single);

ALTER TABLE ONLY outbox.figure
    ADD CONSTRAINT figure_pkey PRIMARY KEY (minutes, since, connector_id, business_unit, routed);

ALTER TABLE ONLY outbox.growth
    ADD CONSTRAINT growth_pkey PRIMARY KEY (sampled_at);

ALTER TABLE ONLY outbox.health
    ADD CONSTRAINT health_pkey PRIMARY KEY (connector_id);

ALTER TABLE ONLY outbox.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (event_id);

ALTER TABLE ONLY outbox.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (number);

ALTER TABLE ONLY outbox.periodic
    ADD CONSTRAINT periodic_pkey PRIMARY KEY (name);

ALTER TABLE ONLY outbox.pruned
    ADD CONSTRAINT pruned_pkey PRIMARY KEY (range_start, pruned_at);

ALTER TABLE ONLY outbox.queue
    ADD CONSTRAINT queue_pkey PRIMARY KEY (connector_id, event_id);

ALTER TABLE ONLY outbox.retention
    ADD CONSTRAINT retention_pkey PRIMARY KEY (one);

ALTER TABLE ONLY outbox.rule
    ADD CONSTRAINT rule_pkey PRIMARY KEY (name, operation);

ALTER TABLE ONLY outbox.share
    ADD CONSTRAINT share_pkey PRIMARY KEY (worker, connector_id);

ALTER TABLE ONLY outbox.source
    ADD CONSTRAINT source_pkey PRIMARY KEY (id);

ALTER TABLE ONLY outbox.web_session
    ADD CONSTRAINT web_session_pkey PRIMARY KEY (hash);

ALTER TABLE ONLY outbox.web_user
    ADD CONSTRAINT web_user_pkey PRIMARY KEY (id);

ALTER TABLE ONLY outbox.worker
    ADD CONSTRAINT worker_pkey PRIMARY KEY (name);

CREATE INDEX access_record_at ON outbox.access_record USING btree (at);

CREATE INDEX access_record_sign_in ON outbox.access_record USING btree (at) WHERE (act = 'sign-in refused'::text);

CREATE INDEX alert_live ON outbox.alert USING btree (id) WHERE (closed_at IS NULL);

CREATE UNIQUE INDEX alert_open ON outbox.alert USING btree (rule, subject) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX api_token_name ON outbox.api_token USING btree (lower(name)) WHERE (revoked_at IS NULL);

CREATE INDEX attempt_failed ON ONLY outbox.attempt USING btree (event_id, connector_id, outcome, status_code) WHERE (outcome <> 'ok'::text);

CREATE INDEX attempt_0_event_id_connector_id_outcome_status_code_idx ON outbox.attempt_0 USING btree (event_id, connector_id, outcome, status_code) WHERE (outcome <> 'ok'::text);

CREATE INDEX attempt_settled ON ONLY outbox.attempt USING btree (settled, event_id) WHERE (settled = ANY (ARRAY['dead'::text, 'cancelled'::text]));

CREATE INDEX attempt_0_settled_event_id_idx ON outbox.attempt_0 USING btree (settled, event_id) WHERE (settled = ANY (ARRAY['dead'::text, 'cancelled'::text]));

CREATE INDEX attempt_started_at ON ONLY outbox.attempt USING btree (started_at, event_id, connector_id);

CREATE INDEX attempt_0_started_at_event_id_connector_id_idx ON outbox.attempt_0 USING btree (started_at, event_id, connector_id);

CREATE INDEX attempt_trouble ON ONLY outbox.attempt USING btree (started_at, event_id, connector_id, outcome) WHERE ((outcome <> 'ok'::text) OR (number > 1));

CREATE INDEX attempt_0_started_at_event_id_connector_id_outcome_idx ON outbox.attempt_0 USING btree (started_at, event_id, connector_id, outcome) WHERE ((outcome <> 'ok'::text) OR (number > 1));

CREATE INDEX attempt_default_event_id_connector_id_outcome_status_code_idx ON outbox.attempt_default USING btree (event_id, connector_id, outcome, status_code) WHERE (outcome <> 'ok'::text);

CREATE INDEX attempt_default_settled_event_id_idx ON outbox.attempt_default USING btree (settled, event_id) WHERE (settled = ANY (ARRAY['dead'::text, 'cancelled'::text]));

CREATE INDEX attempt_default_started_at_event_id_connector_id_idx ON outbox.attempt_default USING btree (started_at, event_id, connector_id);

CREATE INDEX attempt_default_started_at_event_id_connector_id_outcome_idx ON outbox.attempt_default USING btree (started_at, event_id, connector_id, outcome) WHERE ((outcome <> 'ok'::text) OR (number > 1));

CREATE INDEX capture_error_contract ON outbox.capture_error USING hash (contract_id) WHERE (contract_id IS NOT NULL);

CREATE INDEX capture_error_expired ON outbox.capture_error USING btree (contract_id, occurred_at) WHERE ((rule = 'expired'::text) AND (relation IS NULL) AND (recaptured_at IS NULL));

CREATE INDEX capture_error_open ON outbox.capture_error USING btree (id) WHERE (recaptured_at IS NULL);

CREATE UNIQUE INDEX connector_name ON outbox.connector USING btree (name) WHERE (removed_at IS NULL);

CREATE INDEX decision_against ON ONLY outbox.decision USING btree (connector_id, event_id) WHERE (reason <> ALL (ARRAY['deliver'::text, 'backfill'::text]));

CREATE INDEX decision_0_connector_id_event_id_idx ON outbox.decision_0 USING btree (connector_id, event_id) WHERE (reason <> ALL (ARRAY['deliver'::text, 'backfill'::text]));

CREATE INDEX decision_event ON ONLY outbox.decision USING btree (event_id, connector_id);

CREATE INDEX decision_0_event_id_connector_id_idx ON outbox.decision_0 USING btree (event_id, connector_id);

CREATE INDEX decision_default_connector_id_event_id_idx ON outbox.decision_default USING btree (connector_id, event_id) WHERE (reason <> ALL (ARRAY['deliver'::text, 'backfill'::text]));

CREATE INDEX decision_default_event_id_connector_id_idx ON outbox.decision_default USING btree (event_id, connector_id);

CREATE INDEX delivery_business_unit ON ONLY outbox.delivery USING brin (business_unit text_bloom_ops (n_distinct_per_range='100')) WITH (pages_per_range='32');

CREATE INDEX delivery_0_business_unit_idx ON outbox.delivery_0 USING brin (business_unit text_bloom_ops (n_distinct_per_range='100')) WITH (pages_per_range='32');

CREATE INDEX delivery_connector_time ON ONLY outbox.delivery USING btree (connector_id, created_at, event_id);

CREATE INDEX delivery_0_connector_id_created_at_event_id_idx ON outbox.delivery_0 USING btree (connector_id, created_at, event_id);

CREATE INDEX delivery_connector ON ONLY outbox.delivery USING btree (connector_id, event_id);

CREATE INDEX delivery_0_connector_id_event_id_idx ON outbox.delivery_0 USING btree (connector_id, event_id);

CREATE INDEX delivery_contract ON ONLY outbox.delivery USING btree (contract_id, event_id);

CREATE INDEX delivery_0_contract_id_event_id_idx ON outbox.delivery_0 USING btree (contract_id, event_id);

CREATE INDEX delivery_created_at ON ONLY outbox.delivery USING btree (created_at, event_id, connector_id);

CREATE INDEX delivery_0_created_at_event_id_connector_id_idx ON outbox.delivery_0 USING btree (created_at, event_id, connector_id);

CREATE INDEX delivery_default_business_unit_idx ON outbox.delivery_default USING brin (business_unit text_bloom_ops (n_distinct_per_range='100')) WITH (pages_per_range='32');

CREATE INDEX delivery_default_connector_id_created_at_event_id_idx ON outbox.delivery_default USING btree (connector_id, created_at, event_id);

CREATE INDEX delivery_default_connector_id_event_id_idx ON outbox.delivery_default USING btree (connector_id, event_id);

CREATE INDEX delivery_default_contract_id_event_id_idx ON outbox.delivery_default USING btree (contract_id, event_id);

CREATE INDEX delivery_default_created_at_event_id_connector_id_idx ON outbox.delivery_default USING btree (created_at, event_id, connector_id);

CREATE INDEX erasure_contract ON outbox.erasure USING btree (contract_id, erased_at);

CREATE INDEX event_business_unit ON ONLY outbox.event USING brin (business_unit text_bloom_ops (n_distinct_per_range='100')) WITH (pages_per_range='32');

CREATE INDEX event_0_business_unit_idx ON outbox.event_0 USING brin (business_unit text_bloom_ops (n_distinct_per_range='100')) WITH (pages_per_range='32');

CREATE INDEX event_contract ON ONLY outbox.event USING btree (contract_id, xid, id);

CREATE INDEX event_0_contract_id_xid_id_idx ON outbox.event_0 USING btree (contract_id, xid, id);

CREATE INDEX event_expired ON ONLY outbox.event USING btree (id) WHERE (trigger = 'expired'::text);

CREATE INDEX event_0_id_idx ON outbox.event_0 USING btree (id) WHERE (trigger = 'expired'::text);

CREATE INDEX event_occurred_at ON ONLY outbox.event USING btree (occurred_at, id);

CREATE INDEX event_0_occurred_at_id_idx ON outbox.event_0 USING btree (occurred_at, id);

CREATE INDEX event_default_business_unit_idx ON outbox.event_default USING brin (business_unit text_bloom_ops (n_distinct_per_range='100')) WITH (pages_per_range='32');

CREATE INDEX event_default_contract_id_xid_id_idx ON outbox.event_default USING btree (contract_id, xid, id);

CREATE INDEX event_default_id_idx ON outbox.event_default USING btree (id) WHERE (trigger = 'expired'::text);

CREATE INDEX event_default_occurred_at_id_idx ON outbox.event_default USING btree (occurred_at, id);

CREATE INDEX inbox_contract ON outbox.inbox USING btree (contract_id);

CREATE INDEX queue_due ON outbox.queue USING btree (connector_id, due_at, "position") WHERE ready;

CREATE INDEX queue_lane ON outbox.queue USING btree (contract_id, connector_id, "position");

CREATE INDEX replay_event ON ONLY outbox.replay USING btree (event_id, connector_id);

CREATE INDEX replay_0_event_id_connector_id_idx ON outbox.replay_0 USING btree (event_id, connector_id);

CREATE INDEX replay_10000000_event_id_connector_id_idx ON outbox.replay_10000000 USING btree (event_id, connector_id);

CREATE INDEX replay_15000000_event_id_connector_id_idx ON outbox.replay_15000000 USING btree (event_id, connector_id);

CREATE INDEX replay_5000000_event_id_connector_id_idx ON outbox.replay_5000000 USING btree (event_id, connector_id);

CREATE INDEX replay_default_event_id_connector_id_idx ON outbox.replay_default USING btree (event_id, connector_id);

CREATE UNIQUE INDEX source_installed ON outbox.source USING btree ((true)) WHERE (removed_at IS NULL);

CREATE INDEX web_session_user ON outbox.web_session USING btree (user_id);

CREATE UNIQUE INDEX web_user_name ON outbox.web_user USING btree (lower(name)) WHERE (removed_at IS NULL);

ALTER INDEX outbox.attempt_failed ATTACH PARTITION outbox.attempt_0_event_id_connector_id_outcome_status_code_idx;

ALTER INDEX outbox.attempt_pkey ATTACH PARTITION outbox.attempt_0_pkey;

ALTER INDEX outbox.attempt_settled ATTACH PARTITION outbox.attempt_0_settled_event_id_idx;

ALTER INDEX outbox.attempt_started_at ATTACH PARTITION outbox.attempt_0_started_at_event_id_connector_id_idx;

ALTER INDEX outbox.attempt_trouble ATTACH PARTITION outbox.attempt_0_started_at_event_id_connector_id_outcome_idx;

ALTER INDEX outbox.attempt_failed ATTACH PARTITION outbox.attempt_default_event_id_connector_id_outcome_status_code_idx;

ALTER INDEX outbox.attempt_pkey ATTACH PARTITION outbox.attempt_default_pkey;

ALTER INDEX outbox.attempt_settled ATTACH PARTITION outbox.attempt_default_settled_event_id_idx;

ALTER INDEX outbox.attempt_started_at ATTACH PARTITION outbox.attempt_default_started_at_event_id_connector_id_idx;

ALTER INDEX outbox.attempt_trouble ATTACH PARTITION outbox.attempt_default_started_at_event_id_connector_id_outcome_idx;

ALTER INDEX outbox.decision_against ATTACH PARTITION outbox.decision_0_connector_id_event_id_idx;

ALTER INDEX outbox.decision_event ATTACH PARTITION outbox.decision_0_event_id_connector_id_idx;

ALTER INDEX outbox.decision_against ATTACH PARTITION outbox.decision_default_connector_id_event_id_idx;

ALTER INDEX outbox.decision_event ATTACH PARTITION outbox.decision_default_event_id_connector_id_idx;

ALTER INDEX outbox.delivery_business_unit ATTACH PARTITION outbox.delivery_0_business_unit_idx;

ALTER INDEX outbox.delivery_connector_time ATTACH PARTITION outbox.delivery_0_connector_id_created_at_event_id_idx;

ALTER INDEX outbox.delivery_connector ATTACH PARTITION outbox.delivery_0_connector_id_event_id_idx;

ALTER INDEX outbox.delivery_contract ATTACH PARTITION outbox.delivery_0_contract_id_event_id_idx;

ALTER INDEX outbox.delivery_created_at ATTACH PARTITION outbox.delivery_0_created_at_event_id_connector_id_idx;

ALTER INDEX outbox.delivery_pkey ATTACH PARTITION outbox.delivery_0_pkey;

ALTER INDEX outbox.delivery_business_unit ATTACH PARTITION outbox.delivery_default_business_unit_idx;

ALTER INDEX outbox.delivery_connector_time ATTACH PARTITION outbox.delivery_default_connector_id_created_at_event_id_idx;

ALTER INDEX outbox.delivery_connector ATTACH PARTITION outbox.delivery_default_connector_id_event_id_idx;

ALTER INDEX outbox.delivery_contract ATTACH PARTITION outbox.delivery_default_contract_id_event_id_idx;

ALTER INDEX outbox.delivery_created_at ATTACH PARTITION outbox.delivery_default_created_at_event_id_connector_id_idx;

ALTER INDEX outbox.delivery_pkey ATTACH PARTITION outbox.delivery_default_pkey;

ALTER INDEX outbox.event_business_unit ATTACH PARTITION outbox.event_0_business_unit_idx;

ALTER INDEX outbox.event_contract ATTACH PARTITION outbox.event_0_contract_id_xid_id_idx;

ALTER INDEX outbox.event_expired ATTACH PARTITION outbox.event_0_id_idx;

ALTER INDEX outbox.event_occurred_at ATTACH PARTITION outbox.event_0_occurred_at_id_idx;

ALTER INDEX outbox.event_pkey ATTACH PARTITION outbox.event_0_pkey;

ALTER INDEX outbox.event_business_unit ATTACH PARTITION outbox.event_default_business_unit_idx;

ALTER INDEX outbox.event_contract ATTACH PARTITION outbox.event_default_contract_id_xid_id_idx;

ALTER INDEX outbox.event_expired ATTACH PARTITION outbox.event_default_id_idx;

ALTER INDEX outbox.event_occurred_at ATTACH PARTITION outbox.event_default_occurred_at_id_idx;

ALTER INDEX outbox.event_pkey ATTACH PARTITION outbox.event_default_pkey;

ALTER INDEX outbox.replay_event ATTACH PARTITION outbox.replay_0_event_id_connector_id_idx;

ALTER INDEX outbox.replay_event ATTACH PARTITION outbox.replay_10000000_event_id_connector_id_idx;

ALTER INDEX outbox.replay_event ATTACH PARTITION outbox.replay_15000000_event_id_connector_id_idx;

ALTER INDEX outbox.replay_event ATTACH PARTITION outbox.replay_5000000_event_id_connector_id_idx;

ALTER INDEX outbox.replay_event ATTACH PARTITION outbox.replay_default_event_id_connector_id_idx;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON outbox.access_record FOR EACH ROW EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON outbox.attempt FOR EACH ROW EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON outbox.connector_version FOR EACH ROW EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON outbox.decision FOR EACH ROW EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON outbox.delivery FOR EACH ROW EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON outbox.erasure FOR EACH ROW EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON outbox.event FOR EACH ROW EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON outbox.replay FOR EACH ROW EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.access_record FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.attempt FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.attempt_0 FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.attempt_default FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.connector_version FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.decision FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.decision_0 FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.decision_default FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.delivery FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.delivery_0 FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.delivery_default FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.erasure FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.event FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.event_0 FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.event_default FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.replay FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.replay_0 FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.replay_10000000 FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.replay_15000000 FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.replay_5000000 FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.replay_default FOR EACH STATEMENT EXECUTE FUNCTION outbox.append_only();

ALTER TABLE ONLY outbox.connector_day
    ADD CONSTRAINT connector_day_connector_id_fkey FOREIGN KEY (connector_id) REFERENCES outbox.connector(id);

ALTER TABLE ONLY outbox.connector_version
    ADD CONSTRAINT connector_version_connector_id_fkey FOREIGN KEY (connector_id) REFERENCES outbox.connector(id);

ALTER TABLE ONLY outbox.figure
    ADD CONSTRAINT figure_connector_id_fkey FOREIGN KEY (connector_id) REFERENCES outbox.connector(id);

ALTER TABLE ONLY outbox.health
    ADD CONSTRAINT health_connector_id_fkey FOREIGN KEY (connector_id) REFERENCES outbox.connector(id);

ALTER TABLE ONLY outbox.web_session
    ADD CONSTRAINT web_session_user_id_fkey FOREIGN KEY (user_id) REFERENCES outbox.web_user(id);

REVOKE ALL ON FUNCTION outbox.adopt_begin(OUT range_start bigint, OUT range_end bigint, OUT gaps bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.adopt_finish(range_start bigint, range_end bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.adopt_said(OUT range_start bigint, OUT range_end bigint, OUT tables bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.adopt_validate() FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.append_only() FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.cancel_lanes(contract text, by_whom text, words text) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.capture() FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.capture_note(note outbox.inbox, wakeup text, on_error text) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.capture_notes(notes outbox.inbox[], wakeup text, on_error text) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.caught(OUT lowest bigint, OUT highest bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.content_of(contract text, OUT events bigint, OUT deliveries bigint, OUT attempts bigint, OUT notes bigint, OUT waiting bigint, OUT capture_errors bigint, OUT unclear_errors bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.count_attempts(minutes integer, since timestamp with time zone, until timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.deadline(document jsonb, business_unit text) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.defaults() FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.drop_note(place tid) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.drop_notes(ids bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.end_of_day(day date, zone text) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.erase(contract text, by_whom text, why text) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.erase_errors(contract text, OUT erased bigint, OUT unclear bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.erase_words(contract text, quotes text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.error_contracts(failed outbox.capture_error) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.errors_of(contract text, OUT ids bigint[], OUT unclear bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.evaluate(rule outbox.rule, relation oid, operation text, old anyelement, new anyelement, differs text[], OUT contracts text[], OUT changed jsonb, OUT detail jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.evaluate_again(rule_name text, on_error text, rule_operation text, relation oid, operation text, old anyelement, new anyelement, state text, message text, OUT contracts text[], OUT changed jsonb, OUT detail jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.evaluate_named(rule_name text, rule_operation text, relation oid, operation text, old anyelement, new anyelement, OUT contracts text[], OUT changed jsonb, OUT detail jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.facts() FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.fail(failure outbox.failure, on_error text) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.gap_of_caught(OUT range_start bigint, OUT range_end bigint, OUT gaps bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.grant_installed() FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.guard_partition(part regclass) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.holders(relations text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.holds_open(range_start bigint, range_end bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.in_this_transaction(mark text) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.insert_error(failure outbox.failure) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.installed_objects() FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.kept_for(keep interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.key_of(fact text) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.known_zone(VARIADIC zones text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.lock_briefly(relations text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.lock_disabled(contract text) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.make_ahead(ahead integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.make_partition(range_start bigint, range_end bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.may_go(range_start bigint, range_end bigint, keep interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.named_failure(rule_name text, rule_operation text, relation oid, operation text, old anyelement, new anyelement, state text, message text) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.newest_event(range_start bigint, range_end bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.next_note() FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.note(rule text, on_error text, trigger text, contracts text[], changed jsonb, detail jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.note_failure(note outbox.inbox, state text, message text) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.note_late(failed outbox.capture_error, contracts text[], changed jsonb, detail jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.one_at_a_time() FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.prunable(keep interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.prune(first_id bigint, asked interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.raise_due(after timestamp with time zone, until timestamp with time zone, most integer, one_contract text) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.raise_expiry(event_id bigint, contract_id text, deadline timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.range_size() FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.ranges(fact text) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.recapture(after bigint, most integer, OUT last_id bigint, OUT recaptured bigint, OUT failed bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.recapture_expired(failed outbox.capture_error) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.recapture_one(failed outbox.capture_error) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.record_due(after timestamp with time zone, until timestamp with time zone, state text, words text) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.recorded_row(rule outbox.rule, relation oid, image jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.redacted(message text, state text) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.redacted(message text, state text, never text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.row_image(relation oid, whole anyelement) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.rule_failure(rule outbox.rule, relation oid, operation text, old anyelement, new anyelement, state text, message text) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.rule_statement(rule outbox.rule, relation oid, operation text, differs text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.rules_for(failed outbox.capture_error) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.stays(relations text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.strays() FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.sweep_strays(most integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.uncounted(range_start bigint, range_end bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.waiting_notes(oldest bigint, last bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.wake(wakeup text) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.without(document jsonb, never text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.write_error(failure outbox.failure) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.write_event(note outbox.inbox, contract record) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.write_events(notes outbox.inbox[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox.younger(range_start bigint, range_end bigint, since timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION outbox_audit.uncovered_contracts(of_business_unit text) FROM PUBLIC;
