#variable_conflict use_column
-- The rules are tried inside blocks that write nothing; the notes are written outside, by outbox.note.
DECLARE
  _contracts text[];
  _changed jsonb;
  _detail jsonb;
  _moved jsonb;
BEGIN
  IF outbox.in_this_transaction('outbox.impatient') THEN
    PERFORM set_config('lock_timeout', '1ms', true);
  END IF;
$move$blocks
  RETURN NULL;
END
