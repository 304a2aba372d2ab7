-- The range that what the default partitions caught needs, said of them for new rows; no range where there are several.
SELECT range_start, range_end, gaps FROM outbox.adopt_begin()
