#variable_conflict use_column
-- The rules are tried inside blocks that write nothing; the notes are written outside, by outbox.note.
DECLARE
  _contracts text[];
  _changed jsonb;
  _detail jsonb;
  _moved jsonb;
  _impatient boolean := outbox.in_this_transaction('outbox.impatient_rules');
BEGIN
$move$blocks
  RETURN NULL;
END
