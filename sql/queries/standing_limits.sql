-- Looking must burden nobody: limits for this transaction alone, and no parallel workers taken from others.
SELECT set_config('statement_timeout', :milliseconds, true), set_config('lock_timeout', '1s', true),
       set_config('max_parallel_workers_per_gather', '0', true)
