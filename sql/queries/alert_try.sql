-- Takes the right to send these for a while: under the tick of this job, so that one worker does.
UPDATE outbox.alert SET tried_at = clock_timestamp() WHERE id = ANY (CAST(:ids AS bigint[]))
