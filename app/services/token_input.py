"""Token input: what people paste, unwrapped into the token, or refused with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from app.errors import InvalidInputError
from app.services.pasted_json import value_in_json

MIN_TOKEN_CHARS: Final = 8
MAX_TOKEN_CHARS: Final = 4096
#: A hint is shown only for tokens this long: four characters of a shorter one would give too much away.
MIN_CHARS_FOR_HINT: Final = 16
#: The longest paste that is looked at: a token with everything that may be wrapped around it.
MAX_PASTE_CHARS: Final = 8192

VISIBLE_ASCII: Final = re.compile(r"[\x21-\x7e]+")
MASK: Final = re.compile(r"[*•.…xX●·]+|(?:\.{3}|…)[\x21-\x7e]{0,4}")
#: `<token>`, `{token}`, `%TOKEN%`, `$TOKEN`, `YOUR_API_KEY` and the like as the whole of it.
PLACEHOLDER: Final = re.compile(
    r"<[^<>]*>|\{[^{}]*\}|%[A-Za-z_]+%|\$[A-Z_]+|(?i:your[-_ ][a-z0-9_ -]*(?:token|key|secret)(?:[-_ ]here)?)"
)
HEADER_LINE: Final = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9-]*):[ \t]*(?P<value>.*)")
#: `GITHUB_TOKEN=…`, `export API_KEY="…"`, `my_secret=…`; never the `KEY=` that ends padded base64.
ASSIGNMENT: Final = re.compile(
    r"(?:export\s+)?(?:[A-Z][A-Z0-9_]*)?(?:TOKEN|KEY|SECRET)=(?P<upper>.*)"
    r"|(?:export\s+)?(?:[a-z][a-z0-9_]*_)?(?:token|key|secret)=(?P<lower>.*)"
)
SCHEMES: Final = ("bearer", "token", "basic")


@dataclass(frozen=True)
class TokenInput:
    """A token as it will be sealed. `changed` names what was taken off: name, json, header, scheme."""

    value: str = field(repr=False)
    changed: tuple[str, ...]


def read_token(text: str, *, header_name: str, value_format: str, address: str = "") -> TokenInput:
    """Return the token in what a person pasted for a server with this header, value format and address.

    Raises InvalidInputError("token", reason): `empty`, `mask`, `placeholder`, `several`, `line_break`,
    `space`, `too_short`, `too_long` or `characters`. The error never holds the text.
    """
    value = text.strip().strip("\ufeff").strip()
    if len(value) > MAX_PASTE_CHARS:
        raise InvalidInputError("token", "too_long")
    changed: list[str] = []
    scheme = value_format.partition("{token}")[0].strip()
    steps: tuple[tuple[str, Callable[[str], str | None]], ...] = (
        ("name", _without_name),
        ("json", lambda text: value_in_json(text, header_name, address)),
        ("header", lambda text: _without_header(text, header_name)),
    )
    for word, take_off in steps:
        inner = take_off(value)
        if inner is not None:
            value, changed = inner.strip(), [*changed, word]
    schemes = {scheme.lower()} if scheme else set()
    if "json" in changed or "header" in changed:
        # The line says itself that the first word is a scheme, whatever the server's format adds.
        schemes.update(SCHEMES)
    bare = _without_schemes(value, schemes)
    if bare != value:
        value, changed = bare, [*changed, "scheme"]
    refuse_unusable(value)
    return TokenInput(value, tuple(changed))


def refuse_unusable(value: str) -> None:
    """Raise InvalidInputError("token", reason) unless the value can be a token."""
    if not value:
        raise InvalidInputError("token", "empty")
    if MASK.fullmatch(value):
        raise InvalidInputError("token", "mask")
    # `${TOKEN}` anywhere in it. Not by a pattern: those look again from every `${`.
    if PLACEHOLDER.fullmatch(value) or "}" in value.partition("${")[2]:
        raise InvalidInputError("token", "placeholder")
    if len(value) > MAX_TOKEN_CHARS:
        raise InvalidInputError("token", "too_long")
    if not VISIBLE_ASCII.fullmatch(value):
        raise InvalidInputError("token", _what_is_wrong(value))
    if len(value) < MIN_TOKEN_CHARS:
        raise InvalidInputError("token", "too_short")


def hint_of(token: str) -> str | None:
    """Return `...` and the last four characters, or None for a token under 16 characters."""
    return f"...{token[-4:]}" if len(token) >= MIN_CHARS_FOR_HINT else None


def _what_is_wrong(value: str) -> str:
    if "\n" in value or "\r" in value:
        return "line_break"
    return "space" if " " in value or "\t" in value else "characters"


def _without_header(text: str, header_name: str) -> str | None:
    """Return the value of the server's own header, or of `Authorization`, in one or more header lines."""
    lines = [HEADER_LINE.fullmatch(line.strip()) for line in text.splitlines() if line.strip()]
    if not all(lines):
        return None
    for name in (header_name.lower(), "authorization"):
        for line in lines:
            if line and line["name"].lower() == name:
                return line["value"]
    return None


def _without_name(text: str) -> str | None:
    """Return the value of `NAME=value`; None for anything else, padded base64 included."""
    match = ASSIGNMENT.fullmatch(text)
    if match is None:
        return None
    upper, lower = match["upper"], match["lower"]
    value = upper if upper is not None else lower
    if not value.strip("="):
        # "…KEY=" is padding unless an underscore says that it is a name.
        return "" if "_" in text and not value else None
    for quote in ('"', "'"):
        if len(value) >= 2 and value[0] == value[-1] == quote:
            return value[1:-1]
    return value


def _without_schemes(text: str, schemes: set[str]) -> str:
    """Return the text without a leading scheme word, however often it stands there; all of it if bare."""
    while True:
        word, *rest = text.split(maxsplit=1) or [""]
        if word.lower() not in schemes:
            return text
        text = rest[0] if rest else ""
