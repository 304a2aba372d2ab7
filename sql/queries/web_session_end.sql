-- Ends one session.
DELETE FROM outbox.web_session WHERE hash = :hash
