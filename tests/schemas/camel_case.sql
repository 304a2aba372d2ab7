-- As an object-relational mapper makes them: quoted CamelCase, uuid keys, an enum, the business unit behind two joins,
-- and the deadline on the recipient.
CREATE TABLE "Divisions" ("Id" integer PRIMARY KEY, "DisplayName" varchar(80) NOT NULL);
CREATE TABLE "Workspaces" (
  "Id" uuid PRIMARY KEY, "Caption" text NOT NULL,
  "DivisionId" integer NOT NULL REFERENCES "Divisions"
);
CREATE TABLE "Projects" ("Id" uuid PRIMARY KEY, "Title" text, "WorkspaceId" uuid NOT NULL REFERENCES "Workspaces");
CREATE TABLE "Customers" (
  "Id" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "Legal Name" text NOT NULL, "VatNumber" text,
  "PortalPassword" text, "Attributes" jsonb
);
CREATE TYPE "AgreementStage" AS ENUM ('Draft', 'OutForSignature', 'Signed', 'Declined', 'Voided');
CREATE TABLE "Agreements" (
  "Id" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  "ProjectId" uuid NOT NULL REFERENCES "Projects",
  "CustomerId" bigint REFERENCES "Customers",
  "Stage" "AgreementStage" NOT NULL DEFAULT 'Draft',
  "Caption" text NOT NULL,
  "TotalValue" numeric(30, 10),
  "Scan" bytea,
  "IsTemplate" boolean NOT NULL DEFAULT false,
  "IsDeleted" boolean NOT NULL DEFAULT false,
  "AccessToken" text,
  "CreatedAt" timestamptz NOT NULL DEFAULT now(),
  "ModifiedAt" timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON "Agreements" ("ProjectId");
CREATE TABLE "AgreementRecipients" (
  "Id" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  "AgreementId" uuid NOT NULL REFERENCES "Agreements" ON DELETE CASCADE,
  "FullName" text NOT NULL, "Email" text NOT NULL, "SignatureSecret" text,
  "ExpiresAt" timestamptz, "SignedAt" timestamptz
);
CREATE INDEX ON "AgreementRecipients" ("AgreementId");
CREATE TABLE "RecipientEmails" (
  "Id" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "RecipientId" uuid NOT NULL REFERENCES "AgreementRecipients" ON DELETE CASCADE,
  "ToAddress" text NOT NULL, "SentAt" timestamptz
);
CREATE TABLE "AgreementReviews" (
  "Id" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "AgreementId" uuid NOT NULL REFERENCES "Agreements" ON DELETE CASCADE,
  "Reviewer" text NOT NULL, "Outcome" text
);
CREATE TABLE "AgreementTags" (
  "AgreementId" uuid NOT NULL REFERENCES "Agreements" ON DELETE CASCADE, "Tag" text NOT NULL,
  PRIMARY KEY ("AgreementId", "Tag")
);
INSERT INTO "Divisions" VALUES (1, 'Provider BU'), (2, 'Other');
INSERT INTO "Workspaces" VALUES ('00000000-0000-0000-0000-0000000000a1', 'Sales', 1);
INSERT INTO "Projects" VALUES ('00000000-0000-0000-0000-0000000000b1', 'Rollout', '00000000-0000-0000-0000-0000000000a1');
INSERT INTO "Customers" ("Legal Name", "PortalPassword") VALUES ('Müller & Co', 'planted');
INSERT INTO "Agreements" ("ProjectId", "CustomerId", "Caption")
SELECT '00000000-0000-0000-0000-0000000000b1', 1, 'Lease ' || n FROM generate_series(1, 20) AS n;
INSERT INTO "AgreementRecipients" ("AgreementId", "FullName", "Email", "ExpiresAt")
SELECT "Id", 'Eve', 'eve@example.com', now() + interval '7 days' FROM "Agreements";
