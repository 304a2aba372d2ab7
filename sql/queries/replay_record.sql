-- Who asked for what a replay did; in its transaction, so that neither stands without the other.
INSERT INTO outbox.replay (event_id, connector_id, verdict, asked_by)
SELECT r.event_id, r.connector_id, r.verdict, :asked_by
FROM unnest(CAST(:event_ids AS bigint[]), CAST(:connector_ids AS integer[]), CAST(:verdicts AS text[]))
  AS r (event_id, connector_id, verdict)
