#variable_conflict use_column
-- The snapshot is the document's own: routing tells by it which other transactions the document shows.
BEGIN
  SELECT 'found', CAST(contract.business_unit AS text), CAST(contract.status AS text),
         $document, pg_current_snapshot()
  INTO standing, business_unit, status, document, snapshot
  FROM (
$query
  ) AS contract
  WHERE contract.contract_id = CAST($$1 AS $key_type);
  IF NOT FOUND THEN
    snapshot := pg_current_snapshot();
    standing := CASE WHEN $stands THEN 'filtered' ELSE 'gone' END;
  END IF;
END
