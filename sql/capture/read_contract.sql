#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT CAST(contract.business_unit AS text), CAST(contract.status AS text), $document, pg_current_snapshot()
  FROM (
$query
  ) AS contract
  WHERE contract.contract_id = CAST($$1 AS $key_type);
END
