-- How many alerts stand, by rule.
SELECT a.rule, count(*) AS alerts FROM outbox.alert a WHERE a.ended_at IS NULL GROUP BY a.rule
