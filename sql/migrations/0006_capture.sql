-- The engine of capture: writes notes, events and failures for whatever mapping is installed.
-- Three rules hold in every function here. What may fail is tried inside a block (a block that only reads takes no
-- transaction id). The first write of a transaction is inside a block too; it takes the table's lock, which is kept to
-- the end of the transaction, so that later writes can stay outside: 50,000 rows cost a few subtransaction ids, not
-- 50,000, which would slow every other session. And after one lock timeout a transaction tries the like no second time.
-- A serialization failure is nobody's to keep: it goes through to the application, which tries again.

CREATE TABLE outbox.rule (
  name       text NOT NULL,
  operation  text NOT NULL CHECK (operation IN ('INSERT', 'UPDATE', 'DELETE')),
  position   integer NOT NULL,
  trigger    text NOT NULL,
  table_name text NOT NULL,
  relation   oid NOT NULL,
  contract   text NOT NULL,
  condition  text NOT NULL,
  detail     text NOT NULL,
  compared   boolean NOT NULL,
  reported   boolean NOT NULL,
  kept       text[] NOT NULL,
  ignored    text[] NOT NULL,
  spared     jsonb NOT NULL,
  known      smallint[] NOT NULL,
  recorded   smallint[] NOT NULL,
  never      text[] NOT NULL,
  on_error   text NOT NULL CHECK (on_error IN ('record', 'abort')),
  PRIMARY KEY (name, operation)
);
COMMENT ON TABLE outbox.rule IS
  'The installed capture rules, for the slow way (a table that changed since install) and for `outbox recapture`.';
COMMENT ON COLUMN outbox.rule.compared IS 'Whether a row whose columns did not change, but for the ignored, raises nothing.';
COMMENT ON COLUMN outbox.rule.reported IS 'Whether the note says which columns changed (the contract''s own table only).';
COMMENT ON COLUMN outbox.rule.spared IS 'Column -> condition under which its change belongs to a send or review instead.';
COMMENT ON COLUMN outbox.rule.known IS 'The numbers of the columns at install; a later column is always recorded.';
COMMENT ON COLUMN outbox.rule.recorded IS 'The numbers of the columns that a capture error keeps, never one under `never`.';

CREATE TYPE outbox.failure AS (
  relation oid, table_name text, operation text, rule text, trigger text, contract_id text, old_row jsonb, new_row jsonb,
  differs text[], changed jsonb, detail jsonb, sqlstate text, message text
);
COMMENT ON TYPE outbox.failure IS
  'A capture error on its way. No table''s row type: a function that names one waits for the table''s lock to compile.';

CREATE FUNCTION outbox.without(document jsonb, never text[]) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
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
END $$;

CREATE FUNCTION outbox.in_this_transaction(mark text) RETURNS boolean
LANGUAGE sql STABLE AS $$
  -- Marks are transaction-local settings: a rollback to a savepoint takes them back, as it does the locks they stand for.
  SELECT coalesce(pg_catalog.current_setting(mark, true) = pg_catalog.pg_current_xact_id()::text, false)
$$;

CREATE FUNCTION outbox.redacted(message text, state text, never text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  -- An error's words may quote a value. With `never` in force only those are kept that name objects, locks or limits.
  SELECT CASE WHEN cardinality(never) = 0 THEN left(message, 2000)
              WHEN left(state, 2) IN ('40', '42', '53', '54', '55', '57') AND state NOT IN ('42601', '42602')
              THEN left(message, 2000)
              ELSE 'its words are withheld, for they may quote a value under `never`' END
$$;

CREATE FUNCTION outbox.insert_error(failure outbox.failure) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO outbox.capture_error (relation, table_name, operation, rule, trigger, contract_id, old_row, new_row, differs,
                                    changed, detail, sqlstate, message)
  SELECT failure.*;
END $$;

CREATE FUNCTION outbox.write_error(failure outbox.failure) RETURNS void
LANGUAGE plpgsql AS $$
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

CREATE FUNCTION outbox.fail(failure outbox.failure, on_error text) RETURNS void
LANGUAGE plpgsql AS $$
-- Records, or stops the application where the mapping asks for that (and always while recapturing).
BEGIN
  IF on_error = 'abort' OR outbox.in_this_transaction('outbox.recapturing') THEN
    RAISE EXCEPTION USING ERRCODE = failure.sqlstate,
      MESSAGE = pg_catalog.format('outbox: %s was not captured: %s', failure.rule, failure.message);
  END IF;
  PERFORM outbox.write_error(failure);
END $$;

CREATE FUNCTION outbox.note(rule text, on_error text, trigger text, contracts text[], changed jsonb, detail jsonb)
RETURNS void LANGUAGE plpgsql AS $$
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

CREATE FUNCTION outbox.next_note() RETURNS bigint
LANGUAGE plpgsql AS $$
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

CREATE FUNCTION outbox.rule_statement(rule outbox.rule, relation oid, operation text, differs text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
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
END $$;

CREATE FUNCTION outbox.evaluate(rule outbox.rule, relation oid, operation text, old anyelement, new anyelement,
                                differs text[] DEFAULT '{}',
                                OUT contracts text[], OUT changed jsonb, OUT detail jsonb)
LANGUAGE plpgsql AS $$
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

CREATE FUNCTION outbox.recorded_row(rule outbox.rule, relation oid, image jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  -- By column number, so that a renamed column is kept, or kept out, like before; partitions are read by their root.
  SELECT jsonb_object_agg(a.attname, image -> a.attname)
  FROM pg_attribute AS a
  WHERE a.attrelid = CASE WHEN EXISTS (SELECT FROM pg_class WHERE oid = (rule).relation) THEN (rule).relation ELSE relation END
    AND a.attnum > 0 AND NOT a.attisdropped AND image ? a.attname AND a.attname <> ALL ((rule).never)
    AND (a.attnum = ANY ((rule).recorded) OR a.attnum <> ALL ((rule).known))
$$;

CREATE FUNCTION outbox.row_image(relation oid, whole anyelement) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
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
END $$;

CREATE FUNCTION outbox.rule_failure(rule outbox.rule, relation oid, operation text, old anyelement, new anyelement,
                                    state text, message text) RETURNS outbox.failure
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
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

CREATE FUNCTION outbox.evaluate_named(rule_name text, rule_operation text, relation oid, operation text,
                                      old anyelement, new anyelement,
                                      OUT contracts text[], OUT changed jsonb, OUT detail jsonb)
LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
  rule outbox.rule;
BEGIN
  SELECT r.* INTO STRICT rule FROM outbox.rule AS r WHERE r.name = rule_name AND r.operation = rule_operation;
  SELECT e.contracts, e.changed, e.detail INTO contracts, changed, detail
  FROM outbox.evaluate(rule, relation, operation, old, new) AS e;
END $$;

CREATE FUNCTION outbox.named_failure(rule_name text, rule_operation text, relation oid, operation text,
                                     old anyelement, new anyelement, state text, message text) RETURNS outbox.failure
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_variable
DECLARE
  rule outbox.rule;
BEGIN
  SELECT r.* INTO STRICT rule FROM outbox.rule AS r WHERE r.name = rule_name AND r.operation = rule_operation;
  RETURN outbox.rule_failure(rule, relation, operation, old, new, state, message);
END $$;

CREATE FUNCTION outbox.evaluate_again(rule_name text, on_error text, rule_operation text, relation oid, operation text,
                                      old anyelement, new anyelement, state text, message text,
                                      OUT contracts text[], OUT changed jsonb, OUT detail jsonb)
LANGUAGE plpgsql AS $$
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

CREATE FUNCTION outbox.redacted(message text, state text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
-- By every `never` that is installed.
BEGIN
  RETURN outbox.redacted(message, state, ARRAY(SELECT DISTINCT unnest(r.never) FROM outbox.rule AS r));
EXCEPTION
  WHEN serialization_failure THEN RAISE;
  WHEN OTHERS THEN RETURN outbox.redacted(message, state, ARRAY['*']);
END $$;

CREATE FUNCTION outbox.note_failure(note outbox.inbox, state text, message text) RETURNS outbox.failure
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
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

CREATE FUNCTION outbox.wake(wakeup text) RETURNS void
LANGUAGE plpgsql AS $$
-- Only while this transaction commits, and only one transaction at a time: a NOTIFY makes commits queue.
BEGIN
  IF wakeup = 'notify' AND pg_try_advisory_xact_lock(7231003, 1) THEN
    PERFORM pg_notify('outbox', '');
  END IF;
END $$;

CREATE FUNCTION outbox.raise_expiry(event_id bigint, contract_id text, deadline timestamptz) RETURNS boolean
LANGUAGE plpgsql AS $$
#variable_conflict use_variable
-- One `expired` for a deadline, whoever is first; a contract without a deadline has none to share.
BEGIN
  INSERT INTO outbox.expiry AS x (contract_id, deadline, event_id)
  SELECT contract_id, deadline, event_id WHERE deadline IS NOT NULL
  ON CONFLICT DO NOTHING;
  RETURN FOUND OR deadline IS NULL;
END $$;

CREATE FUNCTION outbox.write_event(note outbox.inbox, contract record) RETURNS boolean
LANGUAGE plpgsql AS $$
-- False where the id stands already.
BEGIN
  INSERT INTO outbox.event (id, occurred_at, xid, snapshot, trigger, contract_id, business_unit, status, changed, detail,
                            document)
  VALUES (note.event_id, note.occurred_at, pg_current_xact_id(), contract.snapshot, note.trigger, note.contract_id,
          contract.business_unit, contract.status, note.changed, note.detail, contract.document)
  ON CONFLICT DO NOTHING;
  RETURN FOUND;
END $$;

CREATE FUNCTION outbox.capture_note(note outbox.inbox, wakeup text, on_error text) RETURNS boolean
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
                                                                (contract.document ->> 'expires_at')::timestamptz);
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

CREATE FUNCTION outbox.waiting_notes(oldest bigint, last bigint) RETURNS outbox.inbox[]
LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
-- By the primary key, though the inbox may have grown a thousandfold since it was analyzed.
BEGIN
  RETURN ARRAY(SELECT i FROM outbox.inbox AS i
               WHERE i.event_id BETWEEN oldest AND last AND i.xid = pg_current_xact_id() ORDER BY i.event_id);
END $$;

CREATE FUNCTION outbox.drop_notes(ids bigint[]) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off AS $$
-- Those that raise nothing; by the primary key.
BEGIN
  DELETE FROM outbox.inbox AS i WHERE i.event_id = ANY (ids);
END $$;

CREATE FUNCTION outbox.drop_note(place tid) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- By its place: of all ways to find a row only this one takes no predicate lock that others' notes run into.
BEGIN
  DELETE FROM outbox.inbox AS i WHERE i.ctid = place;
END $$;

CREATE FUNCTION outbox.write_events(notes outbox.inbox[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
-- All in one statement: bulk changes read their documents in one go. Planned once, not for each length of the array.
DECLARE
  filtered bigint;
  dropped bigint[];
BEGIN
  IF EXISTS (SELECT FROM unnest(notes) AS n WHERE n.trigger = 'expired') THEN
    INSERT INTO outbox.expiry (contract_id, deadline, event_id)
    SELECT n.contract_id, (f.document ->> 'expires_at')::timestamptz, n.event_id
    FROM unnest(notes) AS n
    JOIN outbox.find_contracts(ARRAY(SELECT DISTINCT u.contract_id FROM unnest(notes) AS u WHERE u.trigger = 'expired'))
      AS f ON f.contract_id = n.contract_id
    WHERE n.trigger = 'expired' AND f.document ->> 'expires_at' IS NOT NULL AND f.standing <> 'filtered'
    ORDER BY n.event_id
    ON CONFLICT DO NOTHING;
  END IF;
  WITH found AS MATERIALIZED (
    SELECT n.*, f.standing, f.business_unit, f.status, f.document, f.snapshot,
           f.standing <> 'filtered'
           AND (n.trigger <> 'expired' OR f.document ->> 'expires_at' IS NULL
                OR EXISTS (SELECT FROM outbox.expiry AS x
                           WHERE x.contract_id = n.contract_id AND x.subject = ''
                             AND x.deadline = (f.document ->> 'expires_at')::timestamptz AND x.event_id = n.event_id)) AS due
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

CREATE FUNCTION outbox.capture_notes(notes outbox.inbox[], wakeup text, on_error text) RETURNS void
LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
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

CREATE FUNCTION outbox.capture() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

CREATE FUNCTION outbox.rules_for(failed outbox.capture_error) RETURNS SETOF outbox.rule
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  -- The rule of that name; where the mapping was rewritten, every rule of that trigger, table and operation.
  WITH candidate AS (
    SELECT r, r.name = (failed).rule AS named FROM outbox.rule AS r
    WHERE r.trigger = (failed).trigger AND r.operation = (failed).operation
      AND (r.relation = (failed).relation OR r.table_name = (failed).table_name))
  SELECT (c.r).* FROM candidate AS c
  WHERE c.named OR NOT EXISTS (SELECT FROM candidate AS n WHERE n.named)
$$;

CREATE FUNCTION outbox.note_late(failed outbox.capture_error, contracts text[], changed jsonb, detail jsonb) RETURNS bigint[]
LANGUAGE sql AS $$
  -- Of the time when it happened, though its id is of now.
  WITH made AS (
    INSERT INTO outbox.inbox (trigger, contract_id, changed, detail, occurred_at)
    SELECT (failed).trigger, c.contract_id, changed, detail, (failed).occurred_at
    FROM pg_catalog.unnest(contracts) AS c (contract_id) WHERE c.contract_id IS NOT NULL
    RETURNING event_id)
  SELECT coalesce(pg_catalog.array_agg(made.event_id), '{}') FROM made
$$;

CREATE FUNCTION outbox.recapture_one(failed outbox.capture_error) RETURNS bigint[]
LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
  ids bigint[] := '{}';
  rule outbox.rule;
  found record;
  tried boolean := false;
BEGIN
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

CREATE FUNCTION outbox.recapture(after bigint, most integer, OUT last_id bigint, OUT recaptured bigint, OUT failed bigint)
LANGUAGE plpgsql SET lock_timeout = '10s' SET timezone = 'UTC' AS $$
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

CREATE FUNCTION outbox.installed_objects()
RETURNS TABLE (name text, kind text, table_oid oid, table_name text, enabled text, digest text, drop_statement text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  -- What install made, found by the catalogue alone: our functions by their comment, triggers by the function they call.
  SELECT 'function outbox.' || p.proname, 'function', NULL::oid, NULL, NULL, md5(pg_get_functiondef(p.oid)),
         format('DROP FUNCTION %s;', p.oid::regprocedure)
  FROM pg_proc AS p
  WHERE p.pronamespace = 'outbox'::regnamespace
    AND obj_description(p.oid, 'pg_proc') LIKE 'Generated by outbox install%'
  UNION ALL
  SELECT format('trigger %s on %s.%s', t.tgname, n.nspname, c.relname), 'trigger', c.oid, format('%I.%I', n.nspname, c.relname),
         t.tgenabled::text, md5(pg_get_triggerdef(t.oid) || t.tgenabled::text),
         format('DROP TRIGGER %I ON %I.%I;', t.tgname, n.nspname, c.relname)
  FROM pg_trigger AS t
  JOIN pg_class AS c ON c.oid = t.tgrelid
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_proc AS p ON p.oid = t.tgfoid
  WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND p.pronamespace = 'outbox'::regnamespace
    AND (p.proname = 'capture' OR p.proname LIKE 'note\_%')
$$;

DO $$
-- Nobody calls these but the capture triggers and this product.
DECLARE
  function regprocedure;
BEGIN
  FOR function IN SELECT p.oid FROM pg_proc AS p WHERE p.pronamespace = 'outbox'::regnamespace LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
  END LOOP;
END $$;
