  BEGIN
    IF EXISTS (SELECT FROM $table AS there WHERE $same) THEN
      PERFORM set_config('outbox.moved', jsonb_build_object('table', $table_name, 'row', to_jsonb(old))::text, true);
      RETURN NULL;
    END IF;
  EXCEPTION
    WHEN serialization_failure THEN RAISE;
    WHEN OTHERS THEN
      RAISE WARNING 'outbox: whether a row of % moved between partitions is unknown: %', $table_name, SQLERRM;
  END;
