  -- $name
  _contracts := NULL;
  _changed := NULL;
  _detail := NULL;
  BEGIN
    IF _impatient THEN
      RAISE lock_not_available USING MESSAGE = 'not tried: this transaction has waited for a lock once';
    END IF;$shadow
    IF ($when
    ) THEN
      $compared
    END IF;
  EXCEPTION
    WHEN serialization_failure THEN RAISE;
    WHEN OTHERS THEN
      SELECT e.contracts, e.changed, e.detail INTO _contracts, _changed, _detail
      FROM outbox.evaluate_again($again, SQLSTATE, SQLERRM) AS e;
  END;
  IF _contracts IS NOT NULL THEN
    PERFORM outbox.note($note, _contracts, _changed, _detail);
  END IF;
