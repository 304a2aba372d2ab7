#variable_conflict use_column
-- One row for each id. The snapshot is the documents' own: routing tells by it which other transactions they show.
-- LIMIT keeps each lookup to itself, by the key's index, however many there are.
BEGIN
  RETURN QUERY
  SELECT wanted.id, CASE WHEN present.found THEN 'found' WHEN $stands THEN 'filtered' ELSE 'gone' END,
         present.business_unit, present.status, present.document, pg_current_snapshot()
  FROM unnest($$1) AS wanted (id)
  LEFT JOIN LATERAL (
    SELECT true AS found, CAST(contract.business_unit AS text) AS business_unit, CAST(contract.status AS text) AS status,
           $document AS document
    FROM (
$query
    ) AS contract
    WHERE contract.contract_id = CAST(wanted.id AS $key_type)
    LIMIT 1
  ) AS present ON true;
END
