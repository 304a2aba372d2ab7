DROP TRIGGER IF EXISTS outbox_capture ON outbox.inbox;
CREATE CONSTRAINT TRIGGER outbox_capture AFTER INSERT ON outbox.inbox DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
EXECUTE FUNCTION outbox.capture('$wakeup', '$on_error');
ALTER TABLE outbox.inbox $enable TRIGGER outbox_capture;
