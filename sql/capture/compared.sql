_changed := '{}';
$columns
      IF _changed <> '{}' THEN
        _contracts := $contracts;
        _detail := $detail;$unreported
      ELSIF EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = TG_RELID AND a.attnum > 0 AND NOT a.attisdropped
                    AND a.attname <> ALL ($known)) THEN
        -- A column that came after install: read by the slow way, until the mapping is installed again.
        SELECT e.contracts, e.changed, e.detail INTO _contracts, _changed, _detail
        FROM outbox.evaluate_again($again, NULL, NULL) AS e;
      END IF;
