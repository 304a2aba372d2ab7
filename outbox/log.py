"""Structured log lines: one a unit of work, JSON off a terminal."""

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from outbox.settings import Log


def configure_log(settings: Log, stream: TextIO | None = None) -> None:
    """Sets up structlog once, at the start of a command, writing to `stream` (standard error by default)."""
    out = stream or sys.stderr
    for_people = settings.format == "console" or (settings.format == "auto" and out.isatty())
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    if for_people:
        # The plain traceback: the rich one prints local variables, secrets among them.
        plain = structlog.dev.plain_traceback
        processors[-1:] = [structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=plain)]
    else:
        processors.append(structlog.processors.JSONRenderer())
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )


def get_log() -> FilteringBoundLogger:
    """The logger; bind what a line should carry."""
    log: FilteringBoundLogger = structlog.get_logger()
    return log
