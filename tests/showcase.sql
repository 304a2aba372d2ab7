-- What tests/showcase.py made a moment ago, as if it had been made over two days, at hosts that have names.
-- `moved` says when each event was, `pace` how long each receiver takes; showcase.url is where they listened.
UPDATE outbox.event e SET occurred_at = m.at FROM moved m WHERE m.event_id = e.id;
UPDATE outbox.decision d SET decided_at = m.at + interval '20 ms' FROM moved m WHERE m.event_id = d.event_id;
UPDATE outbox.delivery d SET created_at = m.at + interval '20 ms' FROM moved m WHERE m.event_id = d.event_id;
UPDATE outbox.attempt a
SET started_at = least(m.at + interval '25 ms' + (a.number - 1) * interval '6 s', now() - interval '5 s'),
    duration_ms = p.ms * (0.7 + abs(hashint8(a.event_id)) % 100 / 90.0),
    timings = CAST(format('{"dns": %s, "connect": %s, "tls": %s, "first_byte": %s}',
                          round(p.ms / 40, 2), round(p.ms / 20, 2), round(p.ms / 9, 2), round(p.ms * 2 / 3, 2)) AS jsonb),
    worker = format('reports-%s:4711:a1b2c3', 1 + a.event_id % 2),
    url = replace(a.url, current_setting('showcase.url'), 'https://hooks.example.com'),
    request_headers = CAST(replace(a.request_headers::text, current_setting('showcase.host'), 'hooks.example.com') AS jsonb)
FROM moved m, outbox.connector c JOIN pace p ON c.url LIKE '%/' || p.path
WHERE m.event_id = a.event_id AND c.id = a.connector_id;
UPDATE outbox.connector
SET url = replace(url, current_setting('showcase.url'), 'https://hooks.example.com'),
    created_at = created_at - interval '40 days', updated_at = updated_at - interval '12 days';
UPDATE outbox.connector_version
SET changed_at = changed_at - interval '40 days' / version,
    spec = CAST(replace(spec::text, current_setting('showcase.url'), 'https://hooks.example.com') AS jsonb);
UPDATE outbox.health
SET failing_since = now() - interval '50 minutes', held_at = now() - interval '48 minutes',
    probe_at = now() + interval '4 minutes'
WHERE held_at IS NOT NULL;
UPDATE outbox.queue SET due_at = now() + interval '4 minutes';
INSERT INTO outbox.worker (name, host, pid, version, transport, share_seconds, seen_at)
SELECT format('reports-%s:4711:a1b2c3', n), format('reports-%s', n), 4711, '0.1.0', 'curl', 600, now() + interval '1 hour'
FROM generate_series(1, 2) AS n;
