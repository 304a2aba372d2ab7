-- A fresh event id, so that a test's delivery never stands for a real event's.
SELECT nextval('outbox.event_id') AS id
