-- Where this login can read which migrations stand; an auditor sees the views alone.
SELECT CASE WHEN to_regnamespace('outbox') IS NULL THEN 'nowhere'
            WHEN NOT has_schema_privilege('outbox', 'USAGE') THEN 'view'
            WHEN to_regclass('outbox.migration') IS NULL THEN 'nowhere'
            ELSE 'table' END
