"""Logs: one JSON object a line, and nothing that an exception says."""

from __future__ import annotations

import json
import logging
import sys

from app.logs import JsonFormatter

SECRET = "tok_do-not-log-me-0123456789"


def format_record(message: str, *args: object, **extra: object) -> str:
    record = logging.LogRecord("app.test", logging.INFO, __file__, 1, message, args, None)
    record.__dict__.update(extra)
    return JsonFormatter().format(record)


def test_a_record_is_one_line_whatever_it_holds() -> None:
    line = format_record("first\nsecond\r\u2028 %s", '"quoted"\x1b[31m', request_id="abc")

    assert "\n" not in line
    assert "\x1b" not in line
    assert json.loads(line)["request_id"] == "abc"


def test_a_field_that_is_not_on_the_list_is_dropped() -> None:
    assert SECRET not in format_record("saved", token=SECRET)


def test_an_exception_is_its_class_and_places_without_its_text() -> None:
    try:
        raise ValueError(f"illegal header value {SECRET}")
    except ValueError:
        record = logging.LogRecord("app.test", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())

    line = JsonFormatter().format(record)

    assert SECRET not in line
    written = json.loads(line)
    assert written["exception"] == "ValueError"
    assert written["at"][0].endswith("test_an_exception_is_its_class_and_places_without_its_text")
