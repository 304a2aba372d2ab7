-- Whose alert it is: a company has several databases.
SELECT current_database() AS database, clock_timestamp() AS now
