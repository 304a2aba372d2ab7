#variable_conflict use_column
-- Which contracts the query finds, without their documents; of these business units, or with NULL of all.
BEGIN
  RETURN QUERY
  SELECT CAST(contract.contract_id AS text), CAST(contract.business_unit AS text)
  FROM (
$query
  ) AS contract
  WHERE $$1 IS NULL OR CAST(contract.business_unit AS text) = ANY ($$1);
END
