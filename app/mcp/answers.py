"""Answers: what a probe tool said, in a form in which two answers can be compared, and whom it names."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from app.mcp.redaction import REMOVED, shares_a_piece

MAX_IDENTITY_CHARS: Final = 100
#: A person's name stands in the first words of an answer.
MAX_BLOCKS: Final = 20
#: Of one answer; what comes behind them is not compared.
MAX_LEAVES: Final = 10_000
#: How deep a leaf's place is told apart from others.
MAX_PLACE: Final = 20
#: Names under which tools say who one is, the most telling first. Not `id`, which may be the request's.
IDENTITY_NAMES: Final = (
    *("login", "username", "user_name", "userName", "email", "display_name", "displayName", "name"),
    *("user", "account", "viewer", "me", "sub"),
)
#: What some servers wrap an answer in: says nothing by itself.
WRAPPERS: Final = ("result",)

#: Where a value stands, list positions aside, and the value, as JSON says it.
Leaf = tuple[tuple[str, ...], str]
Leaves = Counter[Leaf]


def leaves_of(answer: Mapping[str, Any]) -> Leaves:
    """Return the answer's values with their places. Lists in another order give the same leaves.

    A value in which the token stood is `REMOVED` alone.
    """
    leaves: list[Leaf] = []
    said = [answer["structured"], *map(_without_frame, answer["content"][:MAX_BLOCKS])]
    # An answer without a word is one too.
    said = [value for value in said if value is not None] or [None]
    waiting: list[tuple[tuple[str, ...], Any]] = [((), value) for value in said]
    while waiting and len(leaves) < MAX_LEAVES:
        place, value = waiting.pop()
        inner = read_json(value) if isinstance(value, str) else value
        below = place[: MAX_PLACE - 1]
        if isinstance(inner, Mapping) and inner:
            waiting += [((*below, str(name)), inner[name]) for name in islice(inner, MAX_LEAVES)]
        elif isinstance(inner, list) and inner:
            waiting += [((*below, "[]"), item) for item in inner[:MAX_LEAVES]]
        else:
            leaves.append((place, _told(inner)))
    return Counter(leaves)


def _without_frame(block: Any) -> Any:
    """Return the text of a block of text, the whole of any other."""
    is_text = isinstance(block, Mapping) and block.get("type") == "text"
    return block.get("text") if is_text else block


def _told(value: Any) -> str:
    if not isinstance(value, str):
        return repr(value)
    # Words in order, so that a text that lists things in another order is the same too.
    return REMOVED if REMOVED in value else " ".join(sorted(value.split()))


def echoes_in(leaves: Leaves) -> set[tuple[str, ...]]:
    """Return the places where an answer only repeats the token that it was sent."""
    return {place for place, value in leaves if value == REMOVED or any(REMOVED in part for part in place)}


def identity_in(answer: Mapping[str, Any], secret: str | None) -> str | None:
    """Return whom a probe tool's answer names, one line at most `MAX_IDENTITY_CHARS` long, or None.

    Only what stands under a name of `IDENTITY_NAMES` counts: a bare text, number or `id` may be anything,
    and another at each call. None too when it holds a piece of the token: no more of it than the hint is
    ever shown.
    """
    said = [answer["structured"], *(read_json(text) for text in _texts(answer["content"]))]
    found = next((name for name in map(_named, said) if name), None)
    if not found or REMOVED in found or (secret and shares_a_piece(found, secret)):
        return None
    return found


def _texts(blocks: Any) -> list[str]:
    """Return the texts of an answer's first blocks; what is no block any more was cut off."""
    shown = [block for block in blocks[:MAX_BLOCKS] if isinstance(block, Mapping)]
    return [block["text"] for block in shown if isinstance(block.get("text"), str)]


def read_json(text: str) -> Any:
    """Return the JSON object or list in a text, or the text."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _named(value: Any, depth: int = 3) -> str | None:
    """Return the most telling name in an object, its own or one level down at a time; None for no object."""
    if not isinstance(value, Mapping) or not depth:
        return None
    for name in IDENTITY_NAMES:
        item = value.get(name)
        found = _line(item) or _named(item, depth - 1)
        if found:
            return found
    return next((found for name in WRAPPERS if (found := _named(value.get(name), depth - 1))), None)


def _line(value: Any) -> str | None:
    """Return a text or number as one line, None for anything else or nothing."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    line = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    return line[:MAX_IDENTITY_CHARS] or None
