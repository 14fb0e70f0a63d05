"""Address parts: addresses in pieces that can be read, with those marked in which two of them differ.

An address may have come into the database past the checks of the catalogue, so nothing is taken for granted
here: it is cut as it is written, never normalised, and every character that a reader could miss or take for
another one is written out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, NamedTuple

import idna

from app.web.foreign import spelled

#: What is its own spelling: an address like nearly all.
PLAIN: Final = re.compile(r"[\x21-\x5b\x5d-\x7e]*")
MAX_LABEL_CHARS: Final = 63
#: Pieces of which any part counts are marked whole; in the others, which may be long, what differs alone.
MARKED_WHOLE: Final = frozenset({"scheme", "userinfo", "host", "port"})


class Part(NamedTuple):
    """A piece of an address. `kind`: scheme, userinfo, host, port, path, query or fragment.

    `text`: as it can be shown. `differs` from the other address.
    """

    kind: str
    text: str
    differs: bool


@dataclass(frozen=True)
class Compared:
    """The address a token was saved for ([]: none), and the present one.

    `differing`: kinds of their pieces that differ, in order. `is_same_host`: the hosts are one name, whatever
    their case and a dot at the end. `host`: the present one as it can be shown. `before_host` and
    `written_host`: the old and the present one letter by letter, where `xn--…` may be shown, else "".
    `has_userinfo`: whether something stands before the present host.
    """

    before: list[Part]
    after: list[Part]
    differing: list[str]
    is_same_host: bool
    host: str
    before_host: str
    written_host: str
    has_userinfo: bool


def compare(before: str, after: str) -> Compared:
    """Return both addresses in pieces, "" for none before."""
    old, new = _pieces(before or after), _pieces(after)
    return Compared(
        before=_parts(old, new) if before else [],
        after=_parts(new, old),
        differing=[kind for kind in new if old[kind] != new[kind]],
        is_same_host=_name(old["host"]) == _name(new["host"]),
        host=_shown("host", new["host"]),
        before_host=_written(old["host"]),
        written_host=_written(new["host"]),
        has_userinfo=bool(new["userinfo"]),
    )


def shown_address(address: str) -> str:
    """Return an address, or its host and port alone, as it can be shown: its host as `xn--…`."""
    if PLAIN.fullmatch(address):
        return address
    return "".join(_shown(kind, text) for kind, text in _pieces(address).items())


def _pieces(address: str) -> dict[str, str]:
    """Return kind → text, as written; together they are the address.

    Not by `urlsplit`, which drops tabs and line breaks, lowers the scheme's case, and refuses some.
    """
    rest, sharp, fragment = address.partition("#")
    rest, question, query = rest.partition("?")
    scheme, colon, after = rest.partition("://")
    if not colon or "/" in scheme:
        scheme, colon, after = "", "", rest
    authority, slash, path = after.partition("/")
    userinfo, at, place = authority.rpartition("@")
    # An IPv6 address has colons of its own, in brackets.
    bracketed, bracket, _port = place.rpartition("]")
    host = bracketed + bracket if bracket else place.partition(":")[0]
    return {
        "scheme": scheme + colon,
        "userinfo": userinfo + at,
        "host": host,
        "port": place[len(host) :],
        "path": slash + path,
        "query": question + query,
        "fragment": sharp + fragment,
    }


def _parts(mine: dict[str, str], theirs: dict[str, str]) -> list[Part]:
    parts = []
    for kind, text in mine.items():
        if kind in MARKED_WHOLE or text == theirs[kind]:
            parts.append(Part(kind, _shown(kind, text), text != theirs[kind]))
            continue
        start = _common(text, theirs[kind])
        end = _common(text[start:][::-1], theirs[kind][start:][::-1])
        middle = len(text) - end
        parts += [
            Part(kind, spelled(text[:start]), False),
            Part(kind, spelled(text[start:middle]), True),
            Part(kind, spelled(text[middle:]), False),
        ]
    return [part for part in parts if part.text]


def _common(one: str, other: str) -> int:
    """Return how many characters the two begin with alike."""
    return sum(1 for _pair in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _shown(kind: str, text: str) -> str:
    if kind != "host" or text.isascii():
        return spelled(text)
    return ".".join(_label(label) for label in text.split("."))


def _label(label: str) -> str:
    """Return one label of a host: `xn--…` for one that has such a form as it is, else written out.

    Without the mapping that browsers do first, which drops invisible characters and wide letters unseen.
    """
    try:
        if not label.isascii() and len(label) <= MAX_LABEL_CHARS:
            return idna.alabel(label).decode("ascii")
    except idna.IDNAError:
        pass
    return spelled(label)


def _written(host: str) -> str:
    return "" if host.isascii() else spelled(host)


def _name(host: str) -> str:
    # Not `casefold`, nor `lower` of other letters: U+212A is not the letter K of a host.
    lowered = host.translate({code: code + 32 for code in range(ord("A"), ord("Z") + 1)})
    return lowered.removesuffix(".")
