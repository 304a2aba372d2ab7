-- Who may do what, all of it: run by the owner after each migrate where the roles own the schemas. What a role was granted
-- before and is not granted here is taken back. Every object stands in a GRANT or in the list of the owner's at the end:
-- a test looks for what stands in neither. History is read and added to; nobody but the owner may change or drop it.
DO $$
DECLARE
  statement text;
BEGIN
  FOR statement IN
    WITH role AS (SELECT r.oid, r.rolname FROM pg_roles AS r
                  WHERE r.rolname IN ('outbox_relay', 'outbox_auditor', 'outbox_eraser', 'outbox_web')),
    ours AS (SELECT n.oid, n.nspname, n.nspacl FROM pg_namespace AS n WHERE n.nspname IN ('outbox', 'outbox_audit'))
    SELECT DISTINCT format('REVOKE ALL ON %s FROM %I', granted.name, role.rolname)
    FROM (
      SELECT format('SCHEMA %I', o.nspname) AS name, a.grantee FROM ours AS o CROSS JOIN LATERAL aclexplode(o.nspacl) AS a
      UNION ALL
      SELECT format('%s %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, CAST(c.oid AS regclass)), a.grantee
      FROM pg_class AS c JOIN ours AS o ON o.oid = c.relnamespace CROSS JOIN LATERAL aclexplode(c.relacl) AS a
      UNION ALL
      SELECT format('ROUTINE %s', CAST(p.oid AS regprocedure)), a.grantee
      FROM pg_proc AS p JOIN ours AS o ON o.oid = p.pronamespace CROSS JOIN LATERAL aclexplode(p.proacl) AS a) AS granted
    JOIN role ON role.oid = granted.grantee
  LOOP
    EXECUTE statement;
  END LOOP;
END $$;

-- outbox_relay: the daemon, and every command that is no DDL; outbox_web may all of it too.
GRANT USAGE ON SCHEMA outbox, outbox_audit TO outbox_relay, outbox_web;
GRANT SELECT, INSERT ON outbox.decision, outbox.delivery, outbox.attempt, outbox.replay, outbox.connector_version
  TO outbox_relay, outbox_web;
GRANT SELECT ON outbox.event, outbox.erasure, outbox.capture_error, outbox.source, outbox.migration, outbox.expiry,
  outbox.pruned, outbox.retention, outbox.attempt_day, outbox.figured_attempt
  TO outbox_relay, outbox_web;
GRANT SELECT, INSERT, UPDATE ON outbox.connector, outbox.alert TO outbox_relay, outbox_web;
GRANT SELECT, UPDATE ON outbox.expiry_scan TO outbox_relay, outbox_web;
GRANT SELECT, INSERT ON outbox.connector_day TO outbox_relay, outbox_web;
GRANT SELECT, INSERT, DELETE ON outbox.growth, outbox.figure TO outbox_relay, outbox_web;
GRANT SELECT, UPDATE ON outbox.counted TO outbox_relay, outbox_web;
GRANT SELECT, DELETE ON outbox.inbox TO outbox_relay, outbox_web;
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox.queue, outbox.worker, outbox.share, outbox.health, outbox.periodic
  TO outbox_relay, outbox_web;
GRANT USAGE, SELECT ON SEQUENCE outbox.event_id, outbox.queue_position TO outbox_relay, outbox_web;
GRANT SELECT ON SEQUENCE outbox.filtered TO outbox_relay, outbox_web;
GRANT EXECUTE ON FUNCTION outbox.installed_objects(), outbox.strays(), outbox.end_of_day(date, text),
  outbox.deadline(jsonb, text),
  outbox.known_zone(text[]), outbox.raise_due(timestamptz, timestamptz, integer, text),
  outbox.record_due(timestamptz, timestamptz, text, text), outbox.make_ahead(integer), outbox.sweep_strays(integer),
  outbox.adopt_begin(), outbox.adopt_validate(), outbox.adopt_finish(bigint, bigint),
  outbox.prunable(interval), outbox.prune(bigint, interval),
  outbox.count_attempts(integer, timestamptz, timestamptz) TO outbox_relay, outbox_web;
SELECT outbox.grant_installed();

-- outbox_auditor: the views, which read the tables with their owner's rights.
GRANT USAGE ON SCHEMA outbox_audit TO outbox_auditor;
GRANT SELECT ON ALL TABLES IN SCHEMA outbox_audit TO outbox_auditor, outbox_relay, outbox_web;
GRANT EXECUTE ON FUNCTION outbox_audit.uncovered_contracts(text) TO outbox_auditor, outbox_relay, outbox_web;

-- outbox_web: the dashboard and the API. All that outbox_relay may, and its own tables, which the daemon can't read.
GRANT SELECT, INSERT, UPDATE ON outbox.web_user, outbox.api_token TO outbox_web;
GRANT SELECT, INSERT, DELETE ON outbox.web_session TO outbox_web;
GRANT SELECT, INSERT ON outbox.access_record TO outbox_web;

-- outbox_eraser: one deed, and how much it would take.
GRANT USAGE ON SCHEMA outbox TO outbox_eraser;
GRANT SELECT ON outbox.migration TO outbox_eraser;
GRANT EXECUTE ON FUNCTION outbox.content_of(text), outbox.erase(text, text, text) TO outbox_eraser;

-- The owner's alone.
-- Tables, sequences, types: rule.
-- Capture, called by capture triggers with their owner's rights: append_only, capture, capture_note, capture_notes,
--   drop_note, drop_notes, evaluate, evaluate_again, evaluate_named, fail, in_this_transaction, insert_error,
--   named_failure, next_note, note, note_failure, note_late, raise_expiry, recorded_row, redacted, row_image,
--   rule_failure, rule_statement, rules_for, waiting_notes, wake, without, write_error, write_event, write_events.
-- `outbox recapture`, which runs the mapping's own SQL: recapture, recapture_expired, recapture_one.
-- Erasing, called by erase: cancel_lanes, erase_errors, erase_words, error_contracts, errors_of, lock_disabled.
-- Partitions and rights: make_partition, guard_partition, grant_installed; called by upkeep: adopt's and prune's helpers
--   adopt_said, caught, defaults, facts, gap_of_caught, holders, holds_open, kept_for, key_of, lock_briefly, may_go,
--   newest_event, one_at_a_time, range_size, ranges, stays, uncounted, younger.
