BEGIN
  RETURN QUERY
  SELECT f.business_unit, f.status, f.document, f.snapshot
  FROM outbox.find_contracts(ARRAY[$$1]) AS f
  WHERE f.standing = 'found';
END
