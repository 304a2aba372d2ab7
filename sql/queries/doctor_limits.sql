-- Looking changes nothing, must not hang behind a lock, nor burden a sick server: limits for this transaction alone.
SELECT set_config('statement_timeout', '5s', true), set_config('lock_timeout', '1s', true),
       set_config('transaction_read_only', 'on', true)
