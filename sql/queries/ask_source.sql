-- Where an answer comes from: the database, its server, who asks, and when.
SELECT current_database() AS database, current_setting('server_version') AS server_version, current_user AS role,
       clock_timestamp() AS at
