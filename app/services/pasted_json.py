"""Pasted JSON: the token in a header block or a piece of a client's `mcp.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.errors import InvalidInputError
from app.services.pasted_address import elsewhere, is_same_server
from app.services.secret_names import NAME, names_a_secret

#: Under which names clients keep a server's address; case and underscores aside.
ADDRESS_NAMES: Final = frozenset({"url", "serverurl", "httpurl", "sseurl", "uri", "endpoint"})
#: As `mcp-remote` and its like take the address.
ADDRESS_ARGUMENT: Final = re.compile(r"(?:--?[a-z-]+=)?(https?://.+)", re.IGNORECASE)
#: What `--header` and the like are followed by in lists of arguments.
HEADER_ARGUMENT: Final = re.compile(rf"({NAME}):\s*+(.+)")
#: `--api-key=…`, or `GITHUB_TOKEN=…` behind Docker's `-e`.
NAMED_ARGUMENT: Final = re.compile(rf"-{{0,2}}({NAME})=(.+)")


@dataclass(frozen=True)
class Kept:
    """A token as a paste keeps it. `elsewhere`: the host it was kept for, when that is not this server."""

    value: str = field(repr=False)
    elsewhere: str | None = None


@dataclass(frozen=True)
class _Found:
    """A text that may be the token, the address it was kept for, and whether it was a header's value."""

    value: str = field(repr=False)
    address: str | None
    is_header: bool


def value_in_json(text: str, header_name: str, address: str) -> Kept | None:
    """Return the header value or environment value in a piece of JSON; None for what is none, or has none.

    Of several servers in one piece, the one at this very address counts, else the one that differs from it
    only in the transport. Raises InvalidInputError("token", "several") when it holds more than one and does
    not say which.
    """
    document = _read(text)
    if document is None:
        return None
    found = list(_walk(document, {header_name.lower(), "authorization"}, None))
    # `Bearer ${TOKEN}` in the header, and the token itself beside it in `env`.
    found = [each for each in found if "${" not in each.value] or found
    here = [each for each in found if each.address == address]
    here = here or [each for each in found if each.address and is_same_server(each.address, address)]
    found = here or found
    found = [each for each in found if each.is_header] or found
    values = {each.value for each in found}
    if len(values) > 1:
        raise InvalidInputError("token", "several")
    if not values:
        return None
    value, stated = values.pop(), found[0].address
    if here or stated is None or any(each.address is None for each in found):
        return Kept(value)
    return Kept(value, elsewhere(stated, address, value))


def _read(text: str) -> Any:
    """Return the JSON object or list that the text is, or is the inside of; None for anything else."""
    if not text.startswith(("{", "[", '"')):
        return None
    for candidate in (text, f"{{{text.rstrip().rstrip(',')}}}"):
        try:
            document = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        if isinstance(document, dict | list):
            return document
    return None


def _walk(value: Any, headers: set[str], address: str | None) -> Iterator[_Found]:
    if isinstance(value, Mapping):
        stated = _stated(value) or address
        for name, item in value.items():
            if not isinstance(item, str):
                yield from _walk(item, headers, stated)
            elif name.lower() in headers:
                yield _Found(item, stated, is_header=True)
            elif names_a_secret(name):
                yield _Found(item, stated, is_header=False)
    elif isinstance(value, list):
        stated = _first_address(value) or address
        before = ""
        for item in value:
            if isinstance(item, str):
                yield from _in_argument(item, before, headers, stated)
                before = item
            else:
                yield from _walk(item, headers, stated)


def _stated(server: Mapping[str, Any]) -> str | None:
    """Return the address that an object names, itself or among its arguments."""
    for name, item in server.items():
        if name.lower().replace("_", "") in ADDRESS_NAMES and isinstance(item, str):
            return item
    lists = (item for item in server.values() if isinstance(item, list))
    return next((found for found in map(_first_address, lists) if found), None)


def _first_address(items: list[Any]) -> str | None:
    matches = (ADDRESS_ARGUMENT.fullmatch(item) for item in items if isinstance(item, str))
    return next((match[1] for match in matches if match), None)


def _in_argument(item: str, before: str, headers: set[str], address: str | None) -> Iterator[_Found]:
    """Yield what an argument holds, alone or as the value of the flag before it."""
    if match := HEADER_ARGUMENT.fullmatch(item):
        if match[1].lower() in headers:
            yield _Found(match[2], address, is_header=True)
        elif names_a_secret(match[1]):
            yield _Found(match[2], address, is_header=False)
    elif match := NAMED_ARGUMENT.fullmatch(item):
        if names_a_secret(match[1]):
            yield _Found(match[2], address, is_header=False)
    elif before.startswith("--") and names_a_secret(before[2:]) and not item.startswith("-"):
        yield _Found(item, address, is_header=False)
