SELECT due.contract_id, due.subject, due.deadline, $told AS detail, $floor AS floor
FROM (
  SELECT CAST(contract.contract_id AS text) AS contract_id, $subject AS subject, contract.expires_at AS written,
         $deadline AS deadline, $detail AS detail
  FROM (
$query
  ) AS contract
  WHERE $bounds
    AND ($condition
    )
) AS due
WHERE due.deadline > $$1 AND due.deadline <= $$2
  AND NOT EXISTS (SELECT FROM outbox.expiry AS raised
                  WHERE raised.contract_id = due.contract_id AND raised.subject = due.subject
                    AND raised.deadline = due.deadline
                  OFFSET 0)
  AND NOT EXISTS (SELECT FROM outbox.capture_error AS failed
                  WHERE failed.rule = 'expired' AND failed.relation IS NULL AND failed.recaptured_at IS NULL
                    AND failed.contract_id = due.contract_id AND failed.occurred_at = due.deadline)
ORDER BY due.written
LIMIT $$3
