-- What stands of an installation, by its own names, with a digest of each as the server tells it.
SELECT o.name, o.kind, o.table_oid, o.table_name, o.enabled, o.digest, o.drop_statement FROM outbox.installed_objects() AS o
ORDER BY o.kind DESC, o.name
