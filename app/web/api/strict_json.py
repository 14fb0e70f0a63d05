"""Strict JSON: the one reader of JSON that people send, and the one writer of ours.

What it refuses is what two readers could understand differently (RFC 8259 leaves it open), or what a
later layer could not carry: duplicate names, numbers that are none, lone surrogates, deep nesting.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, NoReturn

from flask.json.provider import DefaultJSONProvider

#: Deep enough for any tool's arguments, far below the recursion limit of whatever walks them next.
MAX_DEPTH: Final = 32
SURROGATE: Final = re.compile("[\ud800-\udfff]")


class MalformedJsonError(ValueError):
    """The text is not JSON that we take. It tells nothing of the text, not even as its context."""


class StrictProvider(DefaultJSONProvider):
    """Flask's JSON, strict: `request.get_json()` and every answer go through it."""

    #: Documents come in the order in which they are described.
    sort_keys = False

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        """Return the value. Raises MalformedJsonError."""
        return read(s)

    def dumps(self, obj: Any, **options: Any) -> str:
        """Return JSON text. Raises ValueError for NaN and infinity, which no JSON can say."""
        return super().dumps(obj, **({"allow_nan": False} | options))


def read(text: str | bytes) -> Any:
    """Return the value that UTF-8 JSON text stands for. Raises MalformedJsonError."""
    parsed = _parse(text)
    # Raised out here: an exception raised inside `except` would keep the parser's error, and with it
    # the whole text, as its context.
    if parsed is None or not _is_plain(parsed):
        raise MalformedJsonError
    return parsed[0]


def _parse(text: str | bytes) -> list[Any] | None:
    """Return the value in a list of one, or None."""
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
        return [json.loads(decoded, object_pairs_hook=_object, parse_constant=_refuse, parse_float=_finite)]
    except (ValueError, RecursionError):
        return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedJsonError
    return found


def _refuse(_constant: str) -> NoReturn:
    raise MalformedJsonError


def _finite(digits: str) -> float:
    """Return the number; `1e999` is written like one, but would be read as infinity."""
    number = float(digits)
    if not math.isfinite(number):
        raise MalformedJsonError
    return number


def _is_plain(parsed: list[Any]) -> bool:
    """Whether the value has at most MAX_DEPTH levels and every text in it can be encoded."""
    level: list[Any] = [parsed]
    for _ in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for container in level:
            parts = [*container, *container.values()] if isinstance(container, dict) else container
            if any(isinstance(part, str) and SURROGATE.search(part) for part in parts):
                return False
            below += [part for part in parts if isinstance(part, dict | list)]
        level = below
    return not level
