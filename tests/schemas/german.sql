-- German names, text keys, moments without a zone, JSON in a text column, and a partitioned table with a composite key.
CREATE TABLE mandant (kuerzel text PRIMARY KEY, bezeichnung text NOT NULL);
CREATE TABLE firma (firmennr text PRIMARY KEY, firmenname text NOT NULL, ustid text, mandant text REFERENCES mandant);
CREATE TABLE "Verträge" (
  vertragsnr text NOT NULL,
  abschlussjahr integer NOT NULL,
  mandant text NOT NULL REFERENCES mandant,
  firmennr text REFERENCES firma,
  status text NOT NULL DEFAULT 'entwurf'
    CHECK (status IN ('entwurf', 'versandt', 'unterschrieben', 'storniert', 'ruhend')),
  bezeichnung text,
  betrag numeric(14, 2),
  zusatzdaten text,
  gueltig_bis timestamp,
  kennwort text,
  ist_vorlage boolean NOT NULL DEFAULT false,
  geloescht_am timestamp,
  erstellt_am timestamp NOT NULL DEFAULT now(),
  geaendert_am timestamp NOT NULL DEFAULT now(),
  PRIMARY KEY (vertragsnr, abschlussjahr)
) PARTITION BY RANGE (abschlussjahr);
CREATE TABLE vertraege_alt PARTITION OF "Verträge" FOR VALUES FROM (MINVALUE) TO (2025);
CREATE TABLE vertraege_neu PARTITION OF "Verträge" FOR VALUES FROM (2025) TO (MAXVALUE);
COMMENT ON TABLE "Verträge" IS 'Alle Verträge';
CREATE TABLE vertragsempfaenger (
  lfd integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, vertragsnr text NOT NULL, abschlussjahr integer NOT NULL,
  name text, email text, unterschrieben_am timestamp,
  FOREIGN KEY (vertragsnr, abschlussjahr) REFERENCES "Verträge" ON DELETE CASCADE
);
CREATE INDEX ON vertragsempfaenger (vertragsnr, abschlussjahr);
CREATE TABLE vertragspositionen (
  vertragsnr text NOT NULL, abschlussjahr integer NOT NULL, pos integer NOT NULL, artikel text, menge numeric,
  PRIMARY KEY (vertragsnr, abschlussjahr, pos),
  FOREIGN KEY (vertragsnr, abschlussjahr) REFERENCES "Verträge" ON DELETE CASCADE
);
CREATE TABLE versandprotokoll (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, vertragsnr text NOT NULL, abschlussjahr integer NOT NULL,
  art text NOT NULL CHECK (art IN ('einladung', 'mahnung')), empfaenger text, versandt_am timestamp NOT NULL DEFAULT now(),
  FOREIGN KEY (vertragsnr, abschlussjahr) REFERENCES "Verträge" ON DELETE CASCADE
);
CREATE TABLE "prüfungen" (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, vertragsnr text NOT NULL, abschlussjahr integer NOT NULL,
  "prüfer" text, ergebnis text, geprueft_am timestamp,
  FOREIGN KEY (vertragsnr, abschlussjahr) REFERENCES "Verträge" ON DELETE CASCADE
);
INSERT INTO mandant VALUES ('CH', 'Provider BU'), ('DE', 'Deutschland');
INSERT INTO firma VALUES ('F1', 'Müller & Söhne GmbH', 'DE1', 'DE');
INSERT INTO "Verträge" (vertragsnr, abschlussjahr, mandant, firmennr, bezeichnung, zusatzdaten)
SELECT 'V-' || n, 2020 + n % 10, 'CH', 'F1', 'Miete ' || n, '{"etage": ' || n || '}' FROM generate_series(1, 30) AS n;
