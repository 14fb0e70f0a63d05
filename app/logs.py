"""Logs: one JSON object a line, on standard error.

Redaction is by construction, not by pattern: nothing logs a value that a person typed, an exception is
written as its class and places without its text (which a library may have built from a header), and
the loggers of libraries that see bodies are silent.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, Final

from flask import Flask, has_request_context, request

from app.mcp import QUIET_LOGGERS

#: Fields that a log call may add with `extra=`; anything else is dropped.
FIELDS: Final = (
    "request_id",
    "user_id",
    "server_id",
    "method",
    "route",
    "status",
    "milliseconds",
    "code",
    "reason",
    "setting",
)


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object: time, level, logger, message, known fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line; line breaks inside values are escaped, so that nobody forges a line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({name: getattr(record, name) for name in FIELDS if hasattr(record, name)})
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            line["at"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(record.exc_info[2])
            ]
        return json.dumps(line, default=str)


class RequestFilter(logging.Filter):
    """Adds the request id to every record made while a request is served."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True always: it adds, it does not drop."""
        if has_request_context() and "request_id" in request.environ:
            record.request_id = request.environ["request_id"]
        return True


def init_app(app: Flask) -> None:
    """Send everything through one handler at the configured level; silence those that log bodies."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(RequestFilter())
    handler.set_name("mcp-market")
    root = logging.getLogger()
    root.handlers = [kept for kept in root.handlers if kept.get_name() != "mcp-market"] + [handler]
    root.setLevel(app.config["LOG_LEVEL"])
    app.logger.handlers.clear()
    for name in QUIET_LOGGERS:
        # Not `disabled`: the next `dictConfig` of any library would undo that.
        quiet = logging.getLogger(name)
        quiet.handlers = [logging.NullHandler()]
        quiet.propagate = False
        quiet.setLevel(logging.CRITICAL + 1)
    # Its access lines hold query strings; ours hold the route.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
