"""A transactional outbox for contract databases: capture, route, report, deliver, record, ask."""

__version__ = "0.1.0"
