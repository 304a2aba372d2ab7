-- The source held against the events, contract by contract, in the snapshot of the statement that asks: since change and
-- event are one transaction, what is under way is no finding. Reads the source by the mapping's own functions, with
-- their owner's rights; where there are none, or they fail, a row says that nothing was compared.
CREATE OR REPLACE FUNCTION outbox_audit.uncovered_contracts(of_business_unit text DEFAULT NULL)
RETURNS TABLE (business_unit text, contract_id text, finding text, columns text[], since timestamptz, last_event_id bigint,
               words text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  -- A dropped range may have held the `create` of whatever is older than its last event; ranges may go in any order.
  began timestamptz := greatest(
    (SELECT min(s.installed_at) FROM outbox.source AS s),
    (SELECT max(p.newest_at) FROM outbox.pruned AS p));
  creates boolean := EXISTS (SELECT FROM outbox.rule AS r WHERE r.trigger = 'create');
  updates boolean := EXISTS (SELECT FROM outbox.rule AS r WHERE r.trigger = 'update');
  ignored text[] := ARRAY(
    SELECT i.name FROM outbox.rule AS r CROSS JOIN LATERAL unnest(r.ignored) AS i (name)
    WHERE r.trigger = 'update' AND r.operation = 'UPDATE' AND r.reported GROUP BY i.name
    HAVING count(*) = (SELECT count(*) FROM outbox.rule AS a
                       WHERE a.trigger = 'update' AND a.operation = 'UPDATE' AND a.reported));
  batch text[];
BEGIN
  IF NOT EXISTS (SELECT FROM outbox.source AS s WHERE s.removed_at IS NULL) THEN
    RETURN QUERY SELECT of_business_unit, NULL, 'not_compared', NULL::text[], NULL::timestamptz, NULL::bigint,
                        'no mapping is installed: the source was not looked at';
    RETURN;
  END IF;
  FOR batch IN
    SELECT array_agg(n.contract_id)
    FROM (SELECT i.contract_id, row_number() OVER () / 1000 AS n
          FROM outbox.contract_ids(CASE WHEN of_business_unit IS NOT NULL THEN ARRAY[of_business_unit] END) AS i) AS n
    GROUP BY n.n
  LOOP
    RETURN QUERY
    SELECT f.business_unit, f.contract_id, c.finding, c.columns, coalesce(l.occurred_at, m.created_at), l.id, c.words
    FROM outbox.find_contracts(batch) AS f
    LEFT JOIN LATERAL (
      SELECT e.id, e.occurred_at, e.document, e.snapshot FROM outbox.event AS e WHERE e.contract_id = f.contract_id
      ORDER BY e.xid DESC, e.id DESC LIMIT 1) AS l ON true
    CROSS JOIN LATERAL (SELECT outbox_audit.moment(f.document ->> 'created_at') AS created_at) AS m
    CROSS JOIN LATERAL (
      SELECT array_agg(k.key ORDER BY k.key) AS keys
      FROM jsonb_each(CASE WHEN updates AND f.document IS DISTINCT FROM l.document THEN l.document END) AS k
      WHERE f.document ? k.key AND f.document -> k.key <> k.value AND k.key <> ALL (ignored)
        -- Another transaction on the contract that the last one did not see has written it down.
        AND NOT EXISTS (SELECT FROM outbox.event AS e
                        WHERE e.contract_id = f.contract_id AND e.id <> l.id AND e.document -> k.key = f.document -> k.key
                          AND NOT pg_visible_in_snapshot(e.xid, l.snapshot))) AS d
    CROSS JOIN LATERAL (VALUES
      ('no_create', NULL, 'created since the install, and there is no event create of it',
       creates AND m.created_at > began
       AND NOT EXISTS (SELECT FROM outbox.event AS e WHERE e.contract_id = f.contract_id AND e.trigger = 'create')),
      ('changed', d.keys, 'differs from its last event in ' || array_to_string(d.keys, ', '), d.keys IS NOT NULL),
      ('unseen', NULL, 'no event of it, and no column created_at that says whether it is older than the install',
       l.id IS NULL AND m.created_at IS NULL)) AS c (finding, columns, words, holds)
    WHERE f.standing = 'found' AND c.holds;
  END LOOP;
EXCEPTION WHEN OTHERS THEN
  RETURN QUERY SELECT of_business_unit, NULL, 'not_compared', NULL::text[], NULL::timestamptz, NULL::bigint,
                      'the source could not be read to its end: ' || SQLERRM;
END $$;
-- It reads the source with its owner's rights: for whom sql/roles/30_rights.sql names.
REVOKE ALL ON FUNCTION outbox_audit.uncovered_contracts(text) FROM PUBLIC;
COMMENT ON FUNCTION outbox_audit.uncovered_contracts(text) IS
'Contracts of the source (of one business unit, or of all) that events do not cover:
no_create: its column created_at is later than the first install and than all that was pruned, and no event create of it is kept;
changed: a column that the contract query reads differs from what its last event holds, though no update rule of the contract''s table ignores it;
unseen: there is no event of it and no readable created_at, so that nobody knows whether it is older than the install;
not_compared: no mapping is installed, or its queries failed: nothing, or not all, was looked at.
Not found: contracts that are gone; what changed of a contract whose last event was erased; changes that were changed back, or followed by one that was captured; contracts that the query leaves out; a missed send, review or expired, which leave no trace in the document.
Found though nothing was missed: columns that change with time alone, and columns that no rule watches, which is a gap of the mapping.
It reads every contract of the unit.';
