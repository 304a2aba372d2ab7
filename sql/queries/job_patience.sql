-- For the rest of the transaction: a periodic job waits for nobody long. It comes again, and a process told to end can.
SET LOCAL lock_timeout = '5s'
