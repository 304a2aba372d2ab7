-- History is append only, for whoever owns it too; one function takes a contract's content out of it, on record.
-- compatible with: 6

ALTER TABLE outbox.decision DROP CONSTRAINT decision_reason_check;
ALTER TABLE outbox.decision ADD CONSTRAINT decision_reason_check
  CHECK (reason IN ('deliver', 'backfill', 'trigger_not_chosen', 'discarded', 'no_connector', 'no_business_unit',
                    'coalesced', 'unchanged', 'contract_gone', 'erased'));

CREATE TABLE outbox.erasure (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  contract_id    text NOT NULL CHECK (contract_id <> ''),
  erased_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  erased_by      text NOT NULL CHECK (erased_by <> ''),
  login          text NOT NULL DEFAULT session_user,
  reason         text NOT NULL CHECK (reason <> ''),
  events         bigint NOT NULL,
  deliveries     bigint NOT NULL,
  attempts       bigint NOT NULL,
  notes          bigint NOT NULL,
  cancelled      bigint NOT NULL,
  capture_errors bigint NOT NULL,
  unclear_errors bigint NOT NULL
);
CREATE INDEX erasure_contract ON outbox.erasure (contract_id, erased_at);
COMMENT ON TABLE outbox.erasure IS 'Whose content was erased, when, by whom, why, and how much. Append only.';
COMMENT ON COLUMN outbox.erasure.unclear_errors IS
  'Capture errors that waited for `outbox recapture` and of which nobody could tell the contract: they stand.';

CREATE FUNCTION outbox.append_only() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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

CREATE FUNCTION outbox.guard_partition(part regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
-- Row triggers come with ATTACH, a trigger on TRUNCATE does not.
BEGIN
  EXECUTE format('CREATE OR REPLACE TRIGGER append_only_whole BEFORE TRUNCATE ON %s FOR EACH STATEMENT'
                 ' EXECUTE FUNCTION outbox.append_only()', part);
END $$;

DO $$
DECLARE
  fact regclass;
  part regclass;
BEGIN
  FOREACH fact IN ARRAY CAST(ARRAY['outbox.event', 'outbox.decision', 'outbox.delivery', 'outbox.attempt',
                                   'outbox.replay', 'outbox.connector_version', 'outbox.erasure'] AS regclass[]) LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %s FOR EACH ROW'
                   ' EXECUTE FUNCTION outbox.append_only()', fact);
    PERFORM outbox.guard_partition(fact);
    FOR part IN SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = fact LOOP
      PERFORM outbox.guard_partition(part);
    END LOOP;
  END LOOP;
END $$;

CREATE FUNCTION outbox.error_contracts(failed outbox.capture_error) RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
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
END $$;

CREATE FUNCTION outbox.errors_of(contract text, OUT ids bigint[], OUT unclear bigint)
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  -- What capture could not read and keeps until `outbox recapture`: the contract's, by its id or its rule, and how many are
  -- nobody knows whose. What was recaptured holds no content.
  SELECT coalesce(array_agg(w.id) FILTER (WHERE contract = ANY (w.contracts)), '{}'), count(*) FILTER (WHERE w.contracts IS NULL)
  FROM (SELECT c.id, CASE WHEN c.contract_id IS NULL THEN outbox.error_contracts(c) ELSE ARRAY[c.contract_id] END AS contracts
        FROM outbox.capture_error AS c WHERE c.recaptured_at IS NULL OFFSET 0) AS w
$$;

CREATE FUNCTION outbox.erase_errors(contract text, OUT erased bigint, OUT unclear bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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

CREATE FUNCTION outbox.lock_disabled(contract text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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

CREATE FUNCTION outbox.erase_words(contract text, quotes text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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

CREATE FUNCTION outbox.cancel_lanes(contract text, by_whom text, words text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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

CREATE FUNCTION outbox.erase(contract text, by_whom text, why text) RETURNS outbox.erasure
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '10s'
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
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
COMMENT ON FUNCTION outbox.erase(text, text, text) IS
  'Erases a contract''s content: contract, who asks for it, why. For outbox_eraser and the owner alone.';

CREATE FUNCTION outbox.content_of(contract text, OUT events bigint, OUT deliveries bigint, OUT attempts bigint,
                                  OUT notes bigint, OUT waiting bigint, OUT capture_errors bigint,
                                  OUT unclear_errors bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
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

CREATE FUNCTION outbox.strays() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
-- The default partitions that hold rows, NULL where none does: partitions are granted to nobody.
BEGIN
  RETURN nullif(concat_ws(', ',
    CASE WHEN EXISTS (SELECT FROM outbox.event_default) THEN 'outbox.event_default' END,
    CASE WHEN EXISTS (SELECT FROM outbox.decision_default) THEN 'outbox.decision_default' END,
    CASE WHEN EXISTS (SELECT FROM outbox.delivery_default) THEN 'outbox.delivery_default' END,
    CASE WHEN EXISTS (SELECT FROM outbox.attempt_default) THEN 'outbox.attempt_default' END,
    CASE WHEN EXISTS (SELECT FROM outbox.replay_default) THEN 'outbox.replay_default' END), '');
END $$;

CREATE FUNCTION outbox.grant_installed() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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

CREATE OR REPLACE FUNCTION outbox.installed_objects()
RETURNS TABLE (name text, kind text, table_oid oid, table_name text, enabled text, digest text, drop_statement text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
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

DO $$
-- Nobody calls these but whom sql/roles/30_rights.sql names.
DECLARE
  function regprocedure;
BEGIN
  FOR function IN SELECT p.oid FROM pg_proc AS p WHERE p.pronamespace = 'outbox'::regnamespace LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
  END LOOP;
END $$;
