-- The health of connectors as it is now; under health_lock.
UPDATE outbox.health AS h
SET failures = n.failures, failing_since = n.failing_since, last_error = n.last_error, held_at = n.held_at,
    held_reason = n.held_reason, probe_at = n.probe_at, probes = n.probes
FROM unnest(CAST(:connector_ids AS integer[]), CAST(:failures AS integer[]), CAST(:failing_since AS timestamptz[]),
            CAST(:last_errors AS text[]), CAST(:held_at AS timestamptz[]), CAST(:held_reasons AS text[]),
            CAST(:probe_at AS timestamptz[]), CAST(:probes AS integer[]))
  AS n (connector_id, failures, failing_since, last_error, held_at, held_reason, probe_at, probes)
WHERE h.connector_id = n.connector_id
