-- What stands of the capture installation, triggers first, by table: how each fires, and the function that it calls.
SELECT o.name, o.kind, o.table_name, o.enabled, p.proname AS calls
FROM outbox.installed_objects() AS o
LEFT JOIN pg_trigger t ON t.tgrelid = o.table_oid AND NOT t.tgisinternal AND t.tgparentid = 0
  AND format('trigger %s on ', t.tgname) = substring(o.name FOR char_length(t.tgname) + 12)
LEFT JOIN pg_proc p ON p.oid = t.tgfoid
ORDER BY o.kind DESC, o.table_name, o.name
