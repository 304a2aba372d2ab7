-- The last install that stands: its mapping, and digests of its objects; no row where none does.
SELECT s.installed_at, s.installed_by, CAST(s.mapping AS text) AS mapping, CAST(s.objects AS text) AS objects
FROM outbox.source AS s
WHERE s.removed_at IS NULL
