  IF coalesce(current_setting('outbox.moved', true), '') <> '' THEN
    BEGIN
      IF current_setting('outbox.moved', true)::jsonb ->> 'table' = $table_name THEN
        _moved := current_setting('outbox.moved', true)::jsonb -> 'row';
        IF ($identity) IS NOT TRUE THEN
          _moved := NULL;
        END IF;
      END IF;
    EXCEPTION
      WHEN serialization_failure THEN RAISE;
      WHEN OTHERS THEN _moved := NULL;
    END;
    IF _moved IS NOT NULL THEN
      PERFORM set_config('outbox.moved', '', true);
$notes
      RETURN NULL;
    END IF;
  END IF;
