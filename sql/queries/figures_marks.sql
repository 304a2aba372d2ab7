-- Until when figures of each length are counted, and the time now.
SELECT max(c.until) FILTER (WHERE c.minutes = 5) AS slots, max(c.until) FILTER (WHERE c.minutes = 60) AS hours,
       max(c.until) FILTER (WHERE c.minutes = 1440) AS days, clock_timestamp() AS now
FROM outbox.counted AS c
