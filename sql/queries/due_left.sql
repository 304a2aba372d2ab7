-- What is left to do now: notes to route, and due deliveries of connectors that send.
SELECT (SELECT count(*) FROM outbox.inbox) AS unrouted,
       (SELECT count(*) FROM outbox.queue q
        WHERE q.ready AND q.due_at <= clock_timestamp()
          AND q.connector_id = ANY (CAST(:connector_ids AS integer[]))) AS due
