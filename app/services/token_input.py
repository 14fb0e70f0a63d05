"""Token input: what people paste, unwrapped into the token, or refused with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from app.errors import InvalidInputError
from app.services.pasted_address import elsewhere, is_same_host
from app.services.pasted_json import Kept, value_in_json
from app.services.secret_names import NAME, ends_like_a_name, names_a_secret

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
#: Header names that say what follows even without a space: `x-api-key:…`. `id:secret` may be a token.
HEADER_LINE: Final = re.compile(rf"(?P<name>{NAME}):(?P<gap>[ \t]*+)(?P<value>.*)")
KNOWN_HEADERS: Final = frozenset({"authorization", "authentication", "api-key", "apikey", "private-token"})
#: Possessive, here and below: a pattern that shared blanks out anew would take the square of a paste.
#: `GITHUB_TOKEN=…`, `export API_KEY="…"`, `const apiKey = '…';`, `--api-key=…`.
ASSIGNMENT: Final = re.compile(
    rf"(?:(?:export|set|const|let|var)[ \t]++|\$env:|--)?(?P<name>{NAME})[ \t]*+=[ \t]*+(?P<value>.*)",
    re.IGNORECASE,
)
#: As YAML has it. Not without the space: `key:value` may be a token of two parts.
SETTING: Final = re.compile(rf"(?P<name>{NAME})[ \t]*+:(?:[ \t]++(?P<value>.*))?")
SCHEMES: Final = ("bearer", "token", "basic")
#: `Bearer: …` and `Bearer=…`, whatever the server's format: no token begins so.
BEARER_NAME: Final = re.compile(r"bearer[ \t]*+[:=][ \t]*+", re.IGNORECASE)
CLOSING: Final = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb"}
WEB_ADDRESS: Final = re.compile(r"https?://.+", re.IGNORECASE)
#: A name, JSON, a header, a scheme, quotes around each: nobody wraps a token deeper.
MAX_LAYERS: Final = 8


@dataclass(frozen=True)
class TokenInput:
    """A token as it will be sealed.

    `changed` names what was taken off, from the outside in: quotes, name, json, header, scheme. `elsewhere`:
    the host that the paste itself names, when it was kept for another server than this.
    """

    value: str = field(repr=False)
    changed: tuple[str, ...]
    elsewhere: str | None = None


def read_token(text: str, *, header_name: str, value_format: str, address: str = "") -> TokenInput:
    """Return the token in what a person pasted for a server with this header, value format and address.

    Raises InvalidInputError("token", reason): `empty`, `mask`, `placeholder`, `several`, `line_break`,
    `space`, `too_short`, `too_long` or `characters`. The error never holds the text.
    """
    value = text.strip().strip("\ufeff").strip()
    if len(value) > MAX_PASTE_CHARS:
        raise InvalidInputError("token", "too_long")
    scheme = value_format.partition("{token}")[0].strip().lower()
    read = _unwrapped(value, header_name, scheme, address)
    refuse_unusable(read.value)
    if not address:
        return replace(read, elsewhere=None)
    if read.elsewhere is None and WEB_ADDRESS.fullmatch(read.value):
        return replace(read, elsewhere=elsewhere(read.value, address, read.value))
    return read


def _unwrapped(value: str, header_name: str, scheme: str, address: str) -> TokenInput:
    """Return what is left when nothing more can be taken off. Raises InvalidInputError for `several`."""
    changed: list[str] = []
    kept_for: str | None = None
    schemes = {scheme}
    steps: tuple[tuple[str, Callable[[str], Kept | None]], ...] = (
        ("quotes", _without_quotes),
        ("json", lambda text: value_in_json(text, header_name, address)),
        ("header", lambda text: _without_header(text, header_name, address)),
        ("name", _without_name),
        ("scheme", lambda text: _without_schemes(text, schemes)),
    )
    for _ in range(MAX_LAYERS):
        word, inner = next(((word, kept) for word, step in steps if (kept := step(value))), ("", None))
        if inner is None:
            break
        value, kept_for = inner.value.strip(), inner.elsewhere or kept_for
        if word in {"json", "header", "name"}:
            # The paste says itself that a value follows, so a scheme word before it is one.
            schemes.update(SCHEMES)
        # The quotes around an assigned value belong to the assignment.
        if word not in changed and (word, changed[-1:]) != ("quotes", ["name"]):
            changed.append(word)
    return TokenInput(value, tuple(changed), kept_for)


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


def _without_quotes(text: str) -> Kept | None:
    """Return what stands in a pair of quotes or backticks, or in several of the same; else None."""
    quote = text[:1]
    if quote not in CLOSING:
        return None
    text = text.rstrip(",;")
    inner = text.lstrip(quote)
    opened = len(text) - len(inner)
    inner = inner.rstrip(CLOSING[quote])
    closed = len(text) - opened - len(inner)
    if not inner:
        # Nothing but quotes: `""`.
        return Kept("") if opened > 1 else None
    is_pair = opened == closed and not {quote, CLOSING[quote]} & set(inner)
    return Kept(inner) if is_pair else None


def _without_header(text: str, header_name: str, address: str) -> Kept | None:
    """Return the value of the server's own header, of `Authorization`, or of the one that is a token's.

    In one or more header lines; a `Host` among them says which server they were for. Raises
    InvalidInputError("token", "several") for further headers of which several are.
    """
    matches = [HEADER_LINE.fullmatch(line.strip()) for line in text.splitlines() if line.strip()]
    lines = [match for match in matches if match]
    if len(lines) < len(matches):
        return None
    values = {line["name"].lower(): line["value"] for line in lines if _is_header(line, header_name)}
    value = values.get(header_name.lower(), values.get("authorization"))
    if value is None:
        others = {values[name] for name in values if names_a_secret(name)}
        if len(others) > 1:
            raise InvalidInputError("token", "several")
        if not others:
            return None
        value = others.pop()
    host = values.get("host")
    # A `Host` line has no path, and so cannot tell one server of a host from another.
    if host is None or is_same_host(host, address):
        return Kept(value)
    return Kept(value, elsewhere(host, address, value))


def _is_header(line: re.Match[str], header_name: str) -> bool:
    """Whether the line is a header's and not, say, `id:secret` or a setting of YAML."""
    name = line["name"].lower()
    if name in {header_name.lower(), *KNOWN_HEADERS} or name.startswith("x-"):
        return True
    return bool(line["gap"]) and (name == "host" or "-" in name)


def _without_name(text: str) -> Kept | None:
    """Return the value of `NAME=value` or `NAME: value`; None for anything else, padded base64 included."""
    match = ASSIGNMENT.fullmatch(text) or SETTING.fullmatch(text)
    if match is None or not names_a_secret(match["name"]):
        return None
    value = match["value"] or ""
    if "=" in text and not value.strip("="):
        # "…KEY=" is padding unless an underscore says that it is a name.
        return Kept("") if not value and ends_like_a_name(match["name"]) else None
    return Kept(value.rstrip(";") if value[:1] in CLOSING else value)


def _without_schemes(text: str, schemes: set[str]) -> Kept | None:
    """Return the text without a leading scheme word, however often it stands there; None if bare."""
    bare = text
    while True:
        word, *rest = bare.split(maxsplit=1) or [""]
        if word and word.lower() in schemes:
            bare = rest[0] if rest else ""
        elif match := BEARER_NAME.match(bare):
            bare = bare[match.end() :]
        else:
            return None if bare == text else Kept(bare)
