-- The five roles of the cluster, none of which logs in: logins are made members. Safe to run again, and in every database.
DO $$
DECLARE
  role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['outbox_owner', 'outbox_relay', 'outbox_auditor', 'outbox_eraser', 'outbox_web'] LOOP
    IF to_regrole(role) IS NULL THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', role);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        RAISE NOTICE '% was made by another session', role;
      END;
    END IF;
  END LOOP;
  -- Whoever hands over what stands must be a member; a superuser is one of every role.
  IF NOT pg_has_role('outbox_owner', 'USAGE') THEN
    EXECUTE format('GRANT outbox_owner TO %I', current_user);
  END IF;
  -- Upkeep sees by it how long others have read the history; without, it waits a second to tell.
  IF NOT pg_has_role('outbox_owner', 'pg_read_all_stats', 'USAGE') THEN
    BEGIN
      GRANT pg_read_all_stats TO outbox_owner;
    EXCEPTION WHEN insufficient_privilege THEN
      RAISE NOTICE 'a superuser may: GRANT pg_read_all_stats TO outbox_owner';
    END;
  END IF;
END $$;
