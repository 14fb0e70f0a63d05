"""Server fields: what admins may say of a server, and the rule for each of them.

Adding and changing read their fields here, so that nothing can be changed into what could not be added.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from app.errors import InvalidInputError
from app.mcp.addresses import read_address, read_link
from app.mcp.egress import Egress
from app.mcp.remote_auth import MAX_HEADERS
from app.mcp.texts import DESCRIPTION_CHARS, HELP_CHARS, NAME_CHARS, PLACEHOLDER_CHARS, clean_text
from app.mcp.token_headers import is_secret_name, read_fixed_value, read_header_name, read_value_format
from app.models.server import SSE, STREAMABLE_HTTP

TRANSPORTS: Final = (STREAMABLE_HTTP, SSE)
MAX_TOOL_CHARS: Final = 200


def read_fields(given: Mapping[str, Any], egress: Egress) -> dict[str, Any]:
    """Return the given fields as the catalogue keeps them, each read by its rule.

    Raises InvalidInputError for the first that cannot be taken (`app.mcp.refusals` has the reasons), and
    KeyError for a name that is not in `FIELDS`.
    """
    readers = READERS | {"url": lambda text: read_address(text, egress)}
    return {name: readers[name](value) for name, value in given.items()}


def refuse_token_header(extra_headers: Mapping[str, str], token_header: str) -> None:
    """Raise InvalidInputError("extra_headers", "secret") when one of them is the header of the token."""
    if token_header.lower() in map(str.lower, extra_headers):
        raise InvalidInputError("extra_headers", "secret")


def read_header_lines(text: str) -> dict[str, str]:
    """Return header names and values, one a line. Raises InvalidInputError("extra_headers", …).

    The reasons are `line` and `twice`: a dictionary would keep one of two without a word.
    """
    headers: dict[str, str] = {}
    for line in re.split(r"\r\n|\r|\n", text):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise InvalidInputError("extra_headers", "line")
        if name.strip() in headers:
            raise InvalidInputError("extra_headers", "twice")
        headers[name.strip()] = value.strip()
    return headers


def _read_name(text: str) -> str:
    name = clean_text(text, NAME_CHARS)
    if not name:
        raise InvalidInputError("name", "empty")
    return name


def _read_transport(word: str) -> str:
    if word not in TRANSPORTS:
        raise InvalidInputError("transport", "unknown")
    return word


def _read_extra_headers(given: Mapping[str, str]) -> dict[str, str]:
    if len(given) > MAX_HEADERS:
        raise InvalidInputError("extra_headers", "too_many")
    checked: dict[str, str] = {}
    for each, value in given.items():
        name = read_header_name(each, "extra_headers")
        if is_secret_name(name):
            raise InvalidInputError("extra_headers", "secret")
        if name.lower() in map(str.lower, checked):
            raise InvalidInputError("extra_headers", "twice")
        checked[name] = read_fixed_value(value)
    return checked


def _read_help_url(text: str | None) -> str | None:
    if not text or not text.strip():
        return None
    link = read_link(text)
    if link is None:
        raise InvalidInputError("token_help_url", "link")
    return link


def _read_tool(text: str | None) -> str | None:
    """Return the tool's name as its server spells it, None for none."""
    tool = (text or "").strip()
    if len(tool) > MAX_TOOL_CHARS or not tool.isprintable():
        raise InvalidInputError("probe_tool", "tool_name")
    return tool or None


READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "name": _read_name,
    "description": lambda text: clean_text(text, DESCRIPTION_CHARS),
    "transport": _read_transport,
    "auth_header_name": read_header_name,
    "auth_value_format": read_value_format,
    "token_required": bool,
    "extra_headers": _read_extra_headers,
    "token_help": lambda text: clean_text(text, HELP_CHARS) or None,
    "token_help_url": _read_help_url,
    "token_placeholder": lambda text: clean_text(text, PLACEHOLDER_CHARS) or None,
    "probe_tool": _read_tool,
}
#: Every field that admins may give a server.
FIELDS: Final = frozenset({"url", *READERS})
