-- Scheduled expiry: how far deadlines were looked at, what a deadline is, and that capture rules share it.
-- compatible with: 6

CREATE TABLE outbox.expiry_scan (
  single     boolean PRIMARY KEY DEFAULT true CHECK (single),
  since      timestamptz NOT NULL DEFAULT clock_timestamp(),
  scanned_to timestamptz,
  swept_at   timestamptz,
  due_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  worker     text,
  ended_at   timestamptz,
  seconds    double precision,
  raised     bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
COMMENT ON TABLE outbox.expiry_scan IS
  'The scan for passed deadlines, one row while a mapping with [expired] is installed.';
COMMENT ON COLUMN outbox.expiry_scan.since IS 'Deadlines up to this moment raise nothing by themselves: time of install, or as the mapping says.';
COMMENT ON COLUMN outbox.expiry_scan.scanned_to IS 'Every deadline up to this moment that could be seen was raised.';
COMMENT ON COLUMN outbox.expiry_scan.swept_at IS 'When last every deadline after `since` was looked at, NULL to ask for it.';
COMMENT ON COLUMN outbox.expiry_scan.due_at IS
  'No look before: the next known deadline or the interval; while a worker scans, the end of its lease.';
COMMENT ON COLUMN outbox.expiry_scan.ended_at IS 'End of the last scan, which took `seconds` and raised `raised`.';

CREATE INDEX capture_error_expired ON outbox.capture_error (contract_id, occurred_at)
  WHERE rule = 'expired' AND relation IS NULL AND recaptured_at IS NULL;

CREATE FUNCTION outbox.end_of_day(day date, zone text) RETURNS timestamptz
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
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

CREATE FUNCTION outbox.known_zone(VARIADIC zones text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
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

CREATE FUNCTION outbox.deadline(document jsonb, business_unit text) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
-- A contract's deadline as the scan reckons it, so that a capture rule's `expired` and the scan's are one.
BEGIN
  IF to_regprocedure('outbox.source_deadline(jsonb,text)') IS NOT NULL THEN
    RETURN outbox.source_deadline(document, business_unit);
  END IF;
  RETURN (document ->> 'expires_at')::timestamptz;
END $$;

CREATE OR REPLACE FUNCTION outbox.capture_note(note outbox.inbox, wakeup text, on_error text) RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
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

CREATE OR REPLACE FUNCTION outbox.write_events(notes outbox.inbox[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
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

CREATE FUNCTION outbox.recapture_expired(failed outbox.capture_error) RETURNS bigint[]
LANGUAGE plpgsql AS $$
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

CREATE OR REPLACE FUNCTION outbox.recapture_one(failed outbox.capture_error) RETURNS bigint[]
LANGUAGE plpgsql AS $$
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
END $$;

REVOKE ALL ON FUNCTION outbox.end_of_day(date, text), outbox.known_zone(text[]), outbox.deadline(jsonb, text),
  outbox.recapture_expired(outbox.capture_error) FROM PUBLIC;

CREATE FUNCTION outbox.raise_due(after timestamptz, until timestamptz, most integer, one_contract text DEFAULT NULL)
RETURNS TABLE (found bigint, raised bigint, first_event bigint, last_event bigint, floor timestamptz, noted text, woken text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

CREATE FUNCTION outbox.record_due(after timestamptz, until timestamptz, state text, words text) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
-- Records the oldest due deadline, whose contract can't be read: it is left out from now on, until `outbox recapture`.
BEGIN
  RETURN QUERY
  INSERT INTO outbox.capture_error (occurred_at, rule, trigger, contract_id, detail, sqlstate, message)
  SELECT e.deadline, 'expired', 'expired', e.contract_id, e.detail, state, outbox.redacted(words, state)
  FROM outbox.expiring(after, until, 1) AS e
  RETURNING capture_error.contract_id;
END $$;

REVOKE ALL ON FUNCTION outbox.raise_due(timestamptz, timestamptz, integer, text),
  outbox.record_due(timestamptz, timestamptz, text, text) FROM PUBLIC;
