-- Whether a try may have reached its receiver: answered, or broken off after it was sent, or nobody knows. What was
-- cancelled is no try, and what failed before a connection stood reached nobody.
CREATE OR REPLACE FUNCTION outbox_audit.may_have_arrived(outcome text, settled text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT outcome IN ('ok', 'http_error', 'timeout', 'protocol', 'lost', 'late', 'interrupted')
         AND settled IS DISTINCT FROM 'cancelled'
$$;
COMMENT ON FUNCTION outbox_audit.may_have_arrived(text, text) IS 'Whether an attempt of this outcome may have reached its receiver.';
