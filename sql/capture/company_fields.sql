#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT DISTINCT jsonb_object_keys(sample.fields || CAST('{"business_unit": null, "name": null}' AS jsonb))
  FROM (
    SELECT $fields AS fields
    FROM (
$query
    ) AS company
    WHERE $$1 IS NULL OR $business_unit IS NULL OR $business_unit = ANY ($$1)
    LIMIT $$2
  ) AS sample;
END
