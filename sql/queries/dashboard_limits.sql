-- Looking is quick and burdens nobody: plans for the values at hand, not compiled, no parallel workers taken from others.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true),
       set_config('max_parallel_workers_per_gather', '0', true)
