-- Twenty business units with a company each, and contracts of about 1.5 kB as the mapping reads them.
INSERT INTO business_unit (name, country)
SELECT 'Unit ' || n, 'DE' FROM generate_series(5, :units) AS n;

INSERT INTO company (business_unit_id, name, vat_number, extra)
SELECT n, 'Company ' || n, 'VAT' || n, jsonb_build_object('segment', 'enterprise', 'account_manager', 'K. Vogel')
FROM generate_series(5, :units) AS n;

INSERT INTO contract (number, title, business_unit_id, company_id, status, amount, terms, expires_at)
SELECT 'C-' || lpad(CAST(n AS text), 8, '0'), 'Framework agreement ' || n, u.id,
       (SELECT min(c.id) FROM company c WHERE c.business_unit_id = u.id), 'sent', n % 100000 + 0.50,
       repeat('30 days net, payable on receipt. ', 20), now() + interval '90 days'
FROM generate_series(1, :contracts) AS n
JOIN business_unit u ON u.id = 1 + (n - 1) % :units
ORDER BY n;

INSERT INTO contract_item (contract_id, position, description, quantity, unit_price)
SELECT n, p, 'Consulting, position ' || p, 2.500, 120.0000
FROM generate_series(1, :contracts) AS n CROSS JOIN generate_series(1, 3) AS p;

INSERT INTO recipient (contract_id, name, email)
SELECT n, 'Inés Peña ' || r, n || '.' || r || '@example.com'
FROM generate_series(1, :contracts) AS n CROSS JOIN generate_series(1, 2) AS r;
