-- Names that hold quotes, signs of comments and of TOML, a backslash; and words that SQL reserves.
CREATE TABLE "the ""deed""'s contract" (
  "i'd" uuid PRIMARY KEY, "status" text, "it's -- a '''note'''" text, "back\slash" timestamp, "meta data" text
);
CREATE TABLE "contract's signer" (
  "select" integer PRIMARY KEY, "of ""deed""" uuid NOT NULL REFERENCES "the ""deed""'s contract", "na'me" text
);
INSERT INTO "the ""deed""'s contract" VALUES
  (gen_random_uuid(), 'it''s draft', 'x', now(), '{"a": 1}'), (gen_random_uuid(), 'draft', 'x', now(), '[]'),
  (gen_random_uuid(), 'sent', 'x', now(), '{}');
