-- The mapping that is installed, as it was written; no row before the first install and after uninstall.
SELECT CAST(mapping AS text) AS mapping FROM outbox.source WHERE removed_at IS NULL
