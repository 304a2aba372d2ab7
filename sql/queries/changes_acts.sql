-- A page of what people did, newest first. Who is limited to some business units sees what was done to these alone, and
-- their own sign-ins.
SELECT r.act_id, r.at, r.who, r.via, r.act, r.object, r.business_units, CAST(r.detail AS text) AS detail, r.address
FROM outbox_audit.acts r
WHERE (CAST(:within AS text[]) IS NULL OR (cardinality(r.business_units) > 0 AND r.business_units <@ CAST(:within AS text[]))
       OR r.object = CAST(:themselves AS text))
  AND (CAST(:who AS text) IS NULL OR lower(r.who) = lower(CAST(:who AS text)))
  AND (CAST(:act AS text) IS NULL OR r.act = CAST(:act AS text))
  AND (CAST(:since AS timestamptz) IS NULL OR r.at >= CAST(:since AS timestamptz))
  AND (CAST(:until AS timestamptz) IS NULL OR r.at < CAST(:until AS timestamptz))
  AND (CAST(:before_at AS timestamptz) IS NULL
       OR (r.at, r.act_id) < (CAST(:before_at AS timestamptz), CAST(:before_id AS bigint)))
ORDER BY r.at DESC, r.act_id DESC
LIMIT :most
