-- So many documents to send, over as many contracts as the product's backlog has.
INSERT INTO bare.queue (id, url, document)
SELECT n, %(url)s, f.document
FROM generate_series(1, %(events)s) AS n
JOIN outbox.find_contracts(ARRAY(SELECT CAST(k AS text) FROM generate_series(1, %(contracts)s) AS k)) AS f
  ON f.contract_id = CAST(1 + (n - 1) %% %(contracts)s AS text)
