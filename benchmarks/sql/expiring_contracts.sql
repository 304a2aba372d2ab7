-- Contracts whose deadlines are spread evenly over two years, half of them past and all open; capture sees none of it.
INSERT INTO contract (number, title, business_unit_id, company_id, status, amount, expires_at)
SELECT 'E-' || n, 'Framework agreement ' || n, 1 + n %% %(units)s, NULL, 'sent', n %% 100000,
       date_trunc('second', now()) + make_interval(secs => (n - 0.5 - %(count)s / 2.0) * 63072000.0 / %(count)s)
FROM generate_series(CAST(%(first)s AS bigint), %(last)s) AS n
