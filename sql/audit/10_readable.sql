-- Bytes as text where they are UTF-8, else NULL: the exact bytes always stand beside. Never raises.
CREATE OR REPLACE FUNCTION outbox_audit.readable(bytes bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog AS $$
BEGIN
  RETURN convert_from(bytes, 'UTF8');
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
  RETURN NULL;
END $$;
COMMENT ON FUNCTION outbox_audit.readable(bytea) IS 'These bytes as text, NULL where they are not valid UTF-8.';
