"""Fields: the types of what programs send and get. Strict: nothing is turned into something else.

Error messages are reasons, words of `app.web.messages`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

from marshmallow import fields, validate

from app.web.urls import MAX_ID

MAX_LIMIT: Final = 100
#: RFC 3339, 5.6, without its blank in place of the T.
DATE_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,12})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


class Text(fields.String):
    """Text without NUL, which no database and few programs carry."""

    default_error_messages = {
        "required": "required",
        "null": "text",
        "invalid": "text",
        "characters": "control",
    }

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, *args, **kwargs)
        if text is not None and "\x00" in text:
            raise self.make_error("characters")
        return str(text)


class Secret(fields.String):
    """A token or password: goes in, never comes out. Its rules are the services'."""

    default_error_messages = {"required": "required", "null": "text", "invalid": "text"}

    def __init__(self, description: str, **options: Any) -> None:
        metadata = {"description": description, "format": "password"}
        super().__init__(load_only=True, metadata=metadata, **options)


class Flag(fields.Boolean):
    """True or false, and neither 1 nor "yes"."""

    default_error_messages = {"required": "required", "null": "flag", "invalid": "flag"}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid")
        return value


class Count(fields.Integer):
    """A whole number of something, neither a text nor a truth value."""

    default_error_messages = {"null": "count", "invalid": "count"}

    def __init__(self, description: str) -> None:
        super().__init__(metadata={"description": description, "minimum": 0})

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        # Not `isinstance`: to Python, True is a number too.
        if type(value) is not int or value < 0:
            raise self.make_error("invalid")
        return value


class Id(fields.Integer):
    """An id, neither a text nor a truth value. `unknown`: the reason for a number that is none."""

    default_error_messages = {"null": "ids", "invalid": "ids"}

    def __init__(self, *, unknown: str) -> None:
        super().__init__(validate=validate.Range(min=1, max=MAX_ID, error=unknown))

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        # Not `isinstance`: to Python, True is a number too.
        if type(value) is not int:
            raise self.make_error("invalid")
        return value


class JsonObject(fields.Dict):
    """A JSON object of whatever shape."""

    default_error_messages = {"null": "object", "invalid": "object"}


class Instant(fields.DateTime):
    """A date and time with its offset from UTC; comes out in UTC."""

    default_error_messages = {"null": "date_time", "invalid": "date_time"}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> datetime:
        match = DATE_TIME.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise self.make_error("invalid")
        day, time, fraction, offset = match.groups()
        try:
            # Microseconds are as fine as it gets.
            written = f"{day}T{time}{(fraction or '.0')[:7]:0<7}{offset.upper().replace('Z', '+00:00')}"
            return datetime.fromisoformat(written).astimezone(UTC)
        except (ValueError, OverflowError):
            raise self.make_error("invalid") from None


class Limit(fields.Integer):
    """How many items a page has, in ASCII digits."""

    default_error_messages = {"null": "limit", "invalid": "limit"}

    def __init__(self, *, load_default: int) -> None:
        metadata = {"minimum": 1, "maximum": MAX_LIMIT}
        super().__init__(load_default=load_default, metadata=metadata)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if not re.fullmatch("[0-9]{1,3}", value) or not 1 <= int(value) <= MAX_LIMIT:
            raise self.make_error("invalid")
        return int(value)


class Number(fields.Integer):
    """A whole number in a query string, in ASCII digits."""

    default_error_messages = {"null": "count", "invalid": "count"}

    def __init__(self, description: str, *, load_default: int | None) -> None:
        super().__init__(load_default=load_default, metadata={"description": description, "minimum": 0})

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if not re.fullmatch("[0-9]{1,9}", value):
            raise self.make_error("invalid")
        return int(value)
