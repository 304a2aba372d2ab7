      SELECT e.contracts, e.changed, e.detail INTO _contracts, _changed, _detail
      FROM outbox.evaluate_again($name, $on_error, 'UPDATE', TG_RELID, 'UPDATE', jsonb_populate_record(new, _moved), new,
                                 NULL, NULL) AS e;
      IF _contracts IS NOT NULL THEN
        PERFORM outbox.note($note, _contracts, _changed, _detail);
      END IF;
