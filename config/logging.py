"""Structured logs: one JSON line per event on standard error; the lines about a review have its id.

Loggers that print request bodies (botocore, urllib3, kombu) never go below INFO: a body may hold a
task token, and a task token is a bearer secret.
"""

from __future__ import annotations

import logging
import logging.config
import re
from typing import Any

import structlog
from django.core.exceptions import ImproperlyConfigured
from gunicorn.config import Config
from gunicorn.glogging import Logger

BODY_PRINTERS = (
    "amqp", "boto3", "botocore", "celery", "django.db.backends", "kombu", "s3transfer", "urllib3",
)  # fmt: skip


# A link that sets a password, also as it stands in another link's query.
LIVE_LINK = re.compile(r"((?:/|%2F)reset(?:/|%2F)key(?:/|%2F))[^\s\"'\\<>]+", re.IGNORECASE)


# What every line gets, be it written through structlog or the standard library.
SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


def configure(*, level: str, console: bool) -> None:
    """Set up structlog and the standard library's logging to write the same lines.

    `console` writes text for a terminal instead of JSON. Raises ImproperlyConfigured if `level` is
    not the name of one.
    """
    if level not in logging.getLevelNamesMapping():
        raise ImproperlyConfigured("LOG_LEVEL is none of DEBUG, INFO, WARNING, ERROR, CRITICAL")
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    quiet = level if level not in {"DEBUG", "NOTSET"} else "INFO"
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": _formatter(console=console)},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {name: {"level": quiet} for name in BODY_PRINTERS},
        }
    )


def _formatter(*, console: bool) -> dict[str, Any]:
    """The formatter of `dictConfig` that turns an event, ours or a library's, into one line."""
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=False)
        if console
        else structlog.processors.JSONRenderer()
    )
    return {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": SHARED,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            renderer,
            without_live_links,
        ],
    }


def without_live_links(_logger: object, _method: str, line: str) -> str:
    """Return the written line with `[link]` in place of each link that sets a password."""
    return LIVE_LINK.sub(r"\1[link]", line)


class GunicornLogger(Logger):  # type: ignore[misc]
    """gunicorn's own lines through our handlers, so that a log has one format."""

    def setup(self, cfg: Config) -> None:
        """Leave levels and handlers to `configure`."""
        self.cfg = cfg
        self.error_log.propagate = self.access_log.propagate = True
