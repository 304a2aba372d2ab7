-- The views that are parts of deliveries have its columns, and so its words for them.
DO $$
DECLARE
  part text;
  name text;
  words text;
BEGIN
  FOREACH part IN ARRAY ARRAY['waiting', 'dead_letters', 'cancelled', 'undelivered'] LOOP
    FOR name, words IN
      SELECT a.attname, col_description(a.attrelid, a.attnum) FROM pg_attribute AS a
      WHERE a.attrelid = 'outbox_audit.deliveries'::regclass AND a.attnum > 0
    LOOP
      EXECUTE format('COMMENT ON COLUMN outbox_audit.%I.%I IS %L', part, name, words);
    END LOOP;
  END LOOP;
END $$;
