-- Looking must not hang behind a lock, nor burden a sick server: limits for this transaction alone.
SELECT set_config('statement_timeout', '10s', true), set_config('lock_timeout', '2s', true)
