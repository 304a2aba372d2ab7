-- For the rest of the transaction: a migration of the application's that locks its tables is not waited for long.
SET LOCAL lock_timeout = '500ms'
