-- For the rest of the transaction: plans are made for the tables as they are. A plan that was kept from the first
-- batches, when the queue was empty, would read all of it for each batch.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true)
