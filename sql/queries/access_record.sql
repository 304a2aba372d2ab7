-- Who did what, or looked at what.
INSERT INTO outbox.access_record (who, via, act, object, business_units, detail, address)
VALUES (:who, :via, :act, :object, CAST(:business_units AS text[]), CAST(:detail AS jsonb), :address)
