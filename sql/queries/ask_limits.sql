-- For the rest of the transaction: a question ends in its time, waits for no lock for long, and is planned for all its rows.
SELECT set_config('statement_timeout', CAST(:milliseconds AS text), true),
       set_config('lock_timeout', '2s', true),
       set_config('cursor_tuple_fraction', '1.0', true)
