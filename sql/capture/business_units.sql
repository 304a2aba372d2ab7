#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT CAST(unit.business_unit AS text), CAST(unit.name AS text)
  FROM (
$query
  ) AS unit;
END
