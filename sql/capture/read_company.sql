#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT CAST(company.company AS text), $business_unit, $name,
         $fields
  FROM (
$query
  ) AS company
  WHERE company.company = ANY (CAST($$1 AS $key_type[]));
END
