-- This transaction must not be forgotten after all.
SET LOCAL synchronous_commit TO DEFAULT
