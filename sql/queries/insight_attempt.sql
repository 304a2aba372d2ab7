-- What one attempt sent and got: headers (secrets were redacted as it was written), and the beginning of the answer. The
-- report itself is the delivery's.
SELECT CAST(t.request_headers AS text) AS request_headers, CAST(t.response_headers AS text) AS response_headers,
       substring(t.response_body FROM 1 FOR CAST(:most AS integer)) AS response_body,
       octet_length(t.response_body) AS response_size, t.response_cut
FROM outbox.attempt t
JOIN outbox.delivery d ON d.event_id = t.event_id AND d.connector_id = t.connector_id
WHERE t.event_id = :event_id AND t.connector_id = :connector_id AND t.number = :number AND t.late = :late
  AND (CAST(:within AS text[]) IS NULL OR d.business_unit = ANY (CAST(:within AS text[])))
