-- Figures that nothing asks for any more: longer ones have taken the place of the short.
DELETE FROM outbox.figure AS f
WHERE (f.minutes = 5 AND f.since < now() - interval '2 days')
   OR (f.minutes = 60 AND f.since < now() - interval '40 days')
   OR (f.minutes = 1440 AND f.since < now() - interval '400 days')
