-- No rule stands any more: the slow way and `outbox recapture` have none to go by.
DELETE FROM outbox.rule
