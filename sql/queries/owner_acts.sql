-- Whether this session has the rights of our schema's owner.
SELECT pg_has_role(n.nspowner, 'USAGE') FROM pg_namespace n WHERE n.nspname = 'outbox'
