-- A contract application's database, as its own team would have written it. Nothing in it knows of an outbox.

CREATE TABLE business_unit (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name       text NOT NULL UNIQUE,
  country    char(2) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE company (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  business_unit_id integer NOT NULL REFERENCES business_unit,
  name             text NOT NULL,
  vat_number       text UNIQUE,
  extra            jsonb NOT NULL DEFAULT '{}',
  created_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX company_business_unit ON company (business_unit_id);

CREATE TYPE contract_status AS ENUM ('draft', 'sent', 'signed', 'paid', 'cancelled');

CREATE TABLE contract (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  number           text NOT NULL UNIQUE,
  title            text NOT NULL CHECK (title <> ''),
  business_unit_id integer NOT NULL REFERENCES business_unit,
  company_id       bigint REFERENCES company,
  status           contract_status NOT NULL DEFAULT 'draft',
  amount           numeric(14, 2) NOT NULL DEFAULT 0,
  currency         char(3) NOT NULL DEFAULT 'EUR',
  terms            text,
  is_template      boolean NOT NULL DEFAULT false,
  expires_at       timestamptz,
  signed_at        timestamptz,
  view_count       integer NOT NULL DEFAULT 0,
  last_viewed_at   timestamptz,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX contract_business_unit ON contract (business_unit_id, status);
CREATE INDEX contract_company ON contract (company_id);
CREATE INDEX contract_expires_at ON contract (expires_at) WHERE status IN ('draft', 'sent');

CREATE TABLE contract_item (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  contract_id bigint NOT NULL REFERENCES contract ON DELETE CASCADE,
  position    integer NOT NULL,
  description text NOT NULL,
  quantity    numeric(12, 3) NOT NULL CHECK (quantity > 0),
  unit_price  numeric(14, 4) NOT NULL,
  UNIQUE (contract_id, position)
);

CREATE TABLE recipient (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  contract_id bigint NOT NULL REFERENCES contract ON DELETE CASCADE,
  name        text NOT NULL,
  email       text NOT NULL,
  role        text NOT NULL DEFAULT 'signer' CHECK (role IN ('signer', 'viewer')),
  signed_at   timestamptz,
  UNIQUE (contract_id, email)
);

CREATE TABLE contract_email (
  id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  contract_id     bigint NOT NULL REFERENCES contract ON DELETE CASCADE,
  recipient_email text NOT NULL,
  kind            text NOT NULL CHECK (kind IN ('invitation', 'reminder')),
  sent_at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX contract_email_contract ON contract_email (contract_id);

CREATE TABLE checkout_review (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  contract_id bigint NOT NULL REFERENCES contract ON DELETE CASCADE,
  reviewer    text NOT NULL,
  verdict     text NOT NULL CHECK (verdict IN ('approved', 'changes requested')),
  remark      text,
  reviewed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX checkout_review_contract ON checkout_review (contract_id);

CREATE TABLE payment (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  contract_id bigint NOT NULL REFERENCES contract,
  amount      numeric(14, 2) NOT NULL CHECK (amount > 0),
  method      text NOT NULL,
  paid_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payment_contract ON payment (contract_id);

CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  new.updated_at := now();
  RETURN new;
END $$;
CREATE TRIGGER contract_touch BEFORE UPDATE ON contract FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

INSERT INTO business_unit (name, country) VALUES
  ('Provider BU', 'CH'), ('Nordics', 'SE'), ('Central Europe', 'DE'), ('Iberia', 'ES');

INSERT INTO company (business_unit_id, name, vat_number, extra)
SELECT u.id, c.name, c.vat_number, CAST(c.extra AS jsonb)
FROM (VALUES
  ('Provider BU',    'Alpenglühn Energie AG',    'CHE-101.202.303', '{"segment": "enterprise", "account_manager": "L. Keller", "credit_limit": 250000.00}'),
  ('Provider BU',    'Lac Léman Logistics SA',   'CHE-404.505.606', '{"segment": "mid-market", "account_manager": "M. Favre"}'),
  ('Nordics',        'Fjällräven Bygg AB',       'SE556001020301',  '{"segment": "enterprise", "account_manager": "S. Åkesson", "credit_limit": 120000.50}'),
  ('Nordics',        'Ørsted & Lund ApS',        'DK10203040',      '{"segment": "small", "loyalty": {"tier": "gold", "since": 2019}}'),
  ('Central Europe', 'Müller & Söhne GmbH',      'DE811223344',     '{"segment": "mid-market", "account_manager": "K. Vogel", "credit_limit": 80000.00}'),
  ('Central Europe', 'Žižkov Software s.r.o.',   'CZ27082440',      '{"segment": "small", "account_manager": null}'),
  ('Iberia',         'Peña y Asociados S.L.',    'ESB12345678',     '{"segment": "mid-market", "account_manager": "I. Peña"}'),
  ('Iberia',         'Conservas do Atlântico',   'PT501234567',     '{}')
) AS c (unit, name, vat_number, extra)
JOIN business_unit u ON u.name = c.unit;
