-- Takes back what adopt_begin said of the default partitions.
SELECT outbox.adopt_forget()
