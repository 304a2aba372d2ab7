-- The usual home-made capture: the whole row as JSON into a table.
CREATE TABLE shadow (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), image jsonb);
CREATE FUNCTION keep_shadow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO shadow (image) VALUES (to_jsonb(new));
  RETURN NULL;
END $$;
CREATE TRIGGER contract_shadow AFTER UPDATE ON contract FOR EACH ROW EXECUTE FUNCTION keep_shadow();
