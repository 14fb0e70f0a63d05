"""Token headers: which header names, value formats and fixed values a server may be given."""

from __future__ import annotations

import re
from typing import Final

from app.errors import InvalidInputError
from app.mcp.foreign_tokens import foreign_service

TOKEN: Final = "{token}"
AUTHORIZATION: Final = "Authorization"
#: The field of a server that names the header of its token.
TOKEN_HEADER: Final = "auth_header_name"
MAX_FORMAT_CHARS: Final = 200
MAX_VALUE_CHARS: Final = 1000
#: RFC 9110, 5.6.2.
HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
#: The client refuses anything else in a header, and puts the value into its exception when it does.
VISIBLE_LINE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")
#: Headers that the transport sets itself.
TRANSPORT_HEADER: Final = re.compile(r"accept|last-event-id|(content|mcp)-.*", re.IGNORECASE)
#: Why a header may not be set → its names. Set from outside, they change where or how a request is read, not
#: who sends it.
RESERVED_HEADERS: Final = {
    "reserved_host": re.compile("host", re.IGNORECASE),
    "reserved_cookie": re.compile("cookie|set-cookie", re.IGNORECASE),
    # RFC 9110, 6.4 and 8: what the message is, and where it ends.
    "reserved_message": re.compile("content-.*|transfer-.*|te|trailer|expect|accept-encoding", re.IGNORECASE),
    # Hop-by-hop, RFC 9110, 7.6.1.
    "reserved_way": re.compile("connection|keep-alive|upgrade|proxy-.*", re.IGNORECASE),
    # What frameworks and proxies take for another method, address or sender than the request has.
    "reserved_request": re.compile(
        "x-http-method(-override)?|x-method-override|x-original-url|x-rewrite-url|(x-)?forwarded(-.*)?",
        re.IGNORECASE,
    ),
    "reserved_mcp": re.compile("mcp-.*|accept|last-event-id", re.IGNORECASE),
}
#: Written into the logs of servers and proxies everywhere: no place for a token.
LOGGED_HEADER: Final = re.compile("user-agent|referer|origin|via|(x-)?forwarded(-.*)?", re.IGNORECASE)
#: Entries often forget to mark secrets; these are, whatever they say. `Authentication` (sic) is in use.
SECRET_NAME: Final = re.compile(r"authorization|authentication|key|token|secret|password", re.IGNORECASE)


def read_header_name(text: str, field: str = TOKEN_HEADER) -> str:
    """Return a header name that may be set.

    Raises InvalidInputError(field, `name`, one of `RESERVED_HEADERS`, or `reserved_logged` for the token's).
    """
    name = text.strip(" ")
    if not HEADER_NAME.fullmatch(name):
        raise InvalidInputError(field, "name")
    if field == TOKEN_HEADER and LOGGED_HEADER.fullmatch(name):
        raise InvalidInputError(field, "reserved_logged")
    for reason, names in RESERVED_HEADERS.items():
        if names.fullmatch(name):
            raise InvalidInputError(field, reason)
    return name


def read_value_format(text: str) -> str:
    """Return the format of the token header's value: one line with exactly one `{token}`, and nobody's token.

    Raises InvalidInputError("auth_value_format", `format`, `characters` or `secret`).
    """
    value_format = text.strip(" ")
    if len(value_format) > MAX_FORMAT_CHARS or not VISIBLE_LINE.fullmatch(value_format):
        raise InvalidInputError("auth_value_format", "characters")
    if value_format.count(TOKEN) != 1:
        raise InvalidInputError("auth_value_format", "format")
    if foreign_service(value_format, ""):
        raise InvalidInputError("auth_value_format", "secret")
    return value_format


def read_fixed_value(text: str) -> str:
    """Return the value of a further header: one line of ASCII that looks like nobody's token.

    Raises InvalidInputError("extra_headers", `value` or `secret`).
    """
    value = text.strip(" ")
    if len(value) > MAX_VALUE_CHARS or not VISIBLE_LINE.fullmatch(value):
        raise InvalidInputError("extra_headers", "value")
    if foreign_service(value, ""):
        raise InvalidInputError("extra_headers", "secret")
    return value


def default_format(header_name: str) -> str:
    """Return the value format of a header about which nothing more is known."""
    return f"Bearer {TOKEN}" if header_name.lower() == AUTHORIZATION.lower() else TOKEN


def is_secret_name(header_name: str) -> bool:
    """Whether a header of this name holds a secret, whatever its entry says."""
    return SECRET_NAME.search(header_name) is not None
