-- What a session of this role begins with, and whether anything can be written here at all.
SELECT pg_is_in_recovery() AS standby,
       max(s.reset_val) FILTER (WHERE s.name = 'default_transaction_read_only') = 'on' AS read_only,
       CAST(max(s.reset_val) FILTER (WHERE s.name = 'statement_timeout') AS bigint) AS statement_milliseconds,
       CAST(max(s.reset_val) FILTER (WHERE s.name = 'idle_in_transaction_session_timeout') AS bigint) AS idle_milliseconds,
       CAST(current_user AS text) AS role, quote_ident(current_database()) AS database,
       current_setting('server_encoding') AS encoding
FROM pg_settings AS s
