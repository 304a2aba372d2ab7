-- A worker that ran once and left in good order: no row of it stays, its attempts keep its name.
WITH left_over AS (
  DELETE FROM outbox.share WHERE worker = :name
)
DELETE FROM outbox.worker WHERE name = :name
