"""Pasted JSON: the token in a header block or a piece of a client's `mcp.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from app.errors import InvalidInputError

#: Under which name clients keep a server's address.
ADDRESS_NAMES: Final = ("url", "serverUrl", "httpUrl", "uri")
SECRET_NAME: Final = re.compile(r".*(?:TOKEN|KEY|SECRET|PASSWORD|PAT)", re.IGNORECASE)
#: What `--header` and the like are followed by in lists of arguments.
HEADER_ARGUMENT: Final = re.compile(r"([A-Za-z][A-Za-z0-9-]*):\s*(.+)")


@dataclass(frozen=True)
class _Found:
    """A text that may be the token, the address it was kept for, and whether it was a header's value."""

    value: str
    address: str | None
    is_header: bool


def value_in_json(text: str, header_name: str, address: str) -> str | None:
    """Return the header value or environment value in a piece of JSON; None for what is none, or has none.

    Of several servers in one piece, the one at this address counts. Raises InvalidInputError("token",
    "several") when it holds more than one and does not say which.
    """
    document = _read(text)
    if document is None:
        return None
    found = list(_walk(document, {header_name.lower(), "authorization"}, None))
    here = [each for each in found if each.address and _host(each.address) == _host(address)]
    found = here or found
    found = [each for each in found if each.is_header] or found
    values = {each.value for each in found}
    if len(values) > 1:
        raise InvalidInputError("token", "several")
    return values.pop() if values else None


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
        stated = next((value[name] for name in ADDRESS_NAMES if isinstance(value.get(name), str)), address)
        for name, item in value.items():
            if not isinstance(item, str):
                yield from _walk(item, headers, stated)
            elif name.lower() in headers:
                yield _Found(item, stated, is_header=True)
            elif SECRET_NAME.fullmatch(name):
                yield _Found(item, stated, is_header=False)
    elif isinstance(value, list):
        # `mcp-remote` and its like take the address and the header as arguments.
        texts = [item for item in value if isinstance(item, str)]
        stated = next((item for item in texts if item.startswith(("https://", "http://"))), address)
        for item in value:
            match = HEADER_ARGUMENT.fullmatch(item) if isinstance(item, str) else None
            if match and match[1].lower() in headers:
                yield _Found(match[2], stated, is_header=True)
            elif not isinstance(item, str):
                yield from _walk(item, headers, stated)


def _host(address: str) -> str:
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return ""
