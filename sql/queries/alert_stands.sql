-- Troubles that are seen again: as they are now, and not gone.
UPDATE outbox.alert a
SET severity = n.severity, title = n.title, words = n.words, mend = n.mend, facts = CAST(n.facts AS jsonb), gone_at = NULL
FROM unnest(CAST(:rules AS text[]), CAST(:subjects AS text[]), CAST(:severities AS text[]), CAST(:titles AS text[]),
            CAST(:words AS text[]), CAST(:mends AS text[]), CAST(:facts AS text[]))
  AS n (rule, subject, severity, title, words, mend, facts)
WHERE a.rule = n.rule AND a.subject = n.subject AND a.ended_at IS NULL
