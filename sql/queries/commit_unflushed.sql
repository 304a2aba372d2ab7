-- A crash of the server may forget this transaction: what it says is found out again.
SET LOCAL synchronous_commit = off
