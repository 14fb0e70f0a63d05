"""Server places: how lists of servers are searched, and how one comes back to a place in them."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from app.errors import InvalidInputError
from app.models.server import search_key

MAX_QUERY_CHARS: Final = 200


def like_pattern(query: str) -> str:
    """Return a LIKE pattern that finds the text anywhere. Its wildcards mean themselves; its end is cut."""
    escaped = search_key(query[:MAX_QUERY_CHARS].replace("\x00", "")).strip()
    for character in ("\\", "%", "_"):
        escaped = escaped.replace(character, f"\\{character}")
    return f"%{escaped}%"


def write_cursor(name_key: str, server_id: int) -> str:
    """Return the cursor of what follows the server with this key and id."""
    return urlsafe_b64encode(json.dumps([name_key, server_id]).encode()).decode("ascii").rstrip("=")


def read_cursor(cursor: str) -> tuple[str, int]:
    """Return the place a cursor of ours stands for. Raises InvalidInputError("after", "unknown")."""
    try:
        name_key, server_id = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, RecursionError):
        raise InvalidInputError("after", "unknown") from None
    # Not `isinstance`: to Python, True is a number too.
    fits = isinstance(name_key, str) and type(server_id) is int and 0 <= server_id < 2**31
    if not fits or "\x00" in name_key or not name_key.isprintable():
        raise InvalidInputError("after", "unknown")
    return name_key, server_id
