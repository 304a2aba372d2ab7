-- Why each event was, or was not, delivered: one row for each connector of its business unit, or one without.
INSERT INTO outbox.decision (event_id, connector_id, connector_version, reason, into_event_id, reread)
SELECT * FROM unnest(CAST(:event_ids AS bigint[]), CAST(:connector_ids AS integer[]),
                     CAST(:connector_versions AS integer[]), CAST(:reasons AS text[]),
                     CAST(:into_event_ids AS bigint[]), CAST(:rereads AS boolean[]))
