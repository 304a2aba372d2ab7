CREATE OR REPLACE TRIGGER $name AFTER $operation ON $table FOR EACH ROW$when
EXECUTE FUNCTION outbox.$function();$always
