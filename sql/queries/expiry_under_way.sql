-- Whether what a batch raised still waits for being routed, or for its first try at a receiver that takes reports.
-- Where no worker lives nobody is held back.
SELECT EXISTS (SELECT FROM outbox.worker AS w WHERE w.stopped_at IS NULL AND w.seen_at > now() - interval '10 seconds')
  AND (EXISTS (SELECT FROM outbox.inbox AS i WHERE i.event_id BETWEEN :first_event AND :last_event)
       OR EXISTS (SELECT FROM outbox.connector AS c
                  WHERE c.enabled AND NOT EXISTS (SELECT FROM outbox.health AS h WHERE h.connector_id = c.id AND h.held_at IS NOT NULL)
                    AND EXISTS (SELECT FROM outbox.queue AS q
                                WHERE q.connector_id = c.id AND q.event_id BETWEEN :first_event AND :last_event
                                  AND q.attempts = 0)))
