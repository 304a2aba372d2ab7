-- Deliveries that went dead within the last day and are dead still, as alerts and the doctor count them: how many, and when
-- the first of them was routed. Of the 10,000 newest that went dead; for somebody who is limited of that many in their
-- units, so that nothing of others decides how far the look goes.
SELECT count(*) AS dead, min((SELECT v.created_at FROM outbox.delivery AS v
                              WHERE v.event_id = t.event_id AND v.connector_id = t.connector_id)) AS routed_at
FROM (
  SELECT a.event_id, a.connector_id, a.number, a.started_at
  FROM outbox.attempt AS a
  WHERE a.settled = 'dead'
    AND (CAST(:within AS text[]) IS NULL OR a.started_at > clock_timestamp() - interval '1 day' AND (
      SELECT v.business_unit FROM outbox.delivery AS v
      WHERE v.event_id = a.event_id AND v.connector_id = a.connector_id) = ANY (CAST(:within AS text[])))
  ORDER BY a.event_id DESC
  LIMIT 10000) AS t
JOIN outbox.connector AS c ON c.id = t.connector_id AND c.removed_at IS NULL
WHERE t.started_at > clock_timestamp() - interval '1 day'
  AND NOT EXISTS (SELECT FROM outbox.attempt AS o
                  WHERE o.event_id = t.event_id AND o.connector_id = t.connector_id
                    AND (o.settled = 'delivered' OR o.number > t.number))
  AND NOT EXISTS (SELECT FROM outbox.queue AS q WHERE q.event_id = t.event_id AND q.connector_id = t.connector_id)
