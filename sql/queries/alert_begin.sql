-- Troubles that are seen for the first time; one that stands already is left as it is.
INSERT INTO outbox.alert (rule, subject, severity, title, words, mend, facts)
SELECT n.rule, n.subject, n.severity, n.title, n.words, n.mend, CAST(n.facts AS jsonb)
FROM unnest(CAST(:rules AS text[]), CAST(:subjects AS text[]), CAST(:severities AS text[]), CAST(:titles AS text[]),
            CAST(:words AS text[]), CAST(:mends AS text[]), CAST(:facts AS text[]))
  AS n (rule, subject, severity, title, words, mend, facts)
ON CONFLICT (rule, subject) WHERE ended_at IS NULL DO NOTHING
