-- A text as a moment, read in UTC where it has no zone; NULL where it is none. Never raises.
CREATE OR REPLACE FUNCTION outbox_audit.moment(written text) RETURNS timestamptz
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
BEGIN
  RETURN CAST(written AS timestamptz);
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END $$;
COMMENT ON FUNCTION outbox_audit.moment(text) IS 'This text as a moment in UTC, NULL where it is none.';
