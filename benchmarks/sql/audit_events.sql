-- Events of the past, evenly over the time that is kept; every contract has some, and one unit has very few.
INSERT INTO outbox.event (id, occurred_at, xid, snapshot, trigger, contract_id, business_unit, status, changed, document)
SELECT n, CAST(%(until)s AS timestamptz) - (%(all)s - n) * (CAST(%(kept)s AS interval) / %(all)s),
       CAST(CAST(n + 1000 AS text) AS xid8), CAST(format('%%1$s:%%1$s:', n + 1000) AS pg_snapshot),
       CASE WHEN n <= %(contracts)s THEN 'create' ELSE 'update' END, CAST(n %% %(contracts)s AS text),
       CASE WHEN n %% 50000 = 0 THEN 'rare' ELSE CAST(1 + n %% %(units)s AS text) END, 'sent',
       jsonb_build_object('amount', jsonb_build_array(n, n + 1)), jsonb_build_object('amount', n + 1, 'title', 'Contract ' || n)
FROM generate_series(CAST(%(first)s AS bigint), %(last)s) AS n
