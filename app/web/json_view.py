"""JSON view: a JSON value as a tree that a page can fold, and as a table where it is one.

Whatever a server sends has an end here: in depth, in number, in length of each text. Numbers are shown as
they were written, since 1e400 and a number of a thousand digits are JSON too; so are names that stand twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from app.web.foreign import visible

#: A longer text is not read as JSON: it is shown as the text it is.
MAX_JSON_CHARS: Final = 500_000
MAX_DEPTH: Final = 12
#: Of one value, at all depths together; and of one list or object.
MAX_NODES: Final = 1000
MAX_TREE_CHARS: Final = 40_000
MAX_CHILDREN: Final = 200
MAX_TEXT_CHARS: Final = 2000
#: What lies deeper is folded at first, as is what has more entries than a look takes in.
OPEN_DEPTH: Final = 3
OPEN_CHILDREN: Final = 20
MAX_ROWS: Final = 100
MAX_COLUMNS: Final = 12
MAX_CELL_CHARS: Final = 200


class Number(str):
    """A number as it was written, NaN and Infinity too."""

    __slots__ = ()


class Pairs(list[tuple[str, Any]]):
    """An object's entries in their order, names that stand twice included."""

    __slots__ = ()


@dataclass(frozen=True)
class Node:
    """One value of a tree. Its texts are safe to print in a page."""

    #: As JSON writes it; "" in a list.
    name: str
    #: One value as JSON writes it; "" of a list or object.
    text: str
    #: `list`, `object` or `value`.
    kind: str = "value"
    children: tuple[Node, ...] = ()
    #: How many entries it has, shown or not.
    size: int = 0
    is_open: bool = False

    @property
    def left_off(self) -> int:
        """Return how many of its entries are not shown."""
        return self.size - len(self.children)


@dataclass(frozen=True)
class Table:
    """A list of flat objects. Cells are in the columns' order, None where an object has no such name."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    #: How many are not shown.
    more_rows: int
    more_columns: int


def read_json(text: str) -> Any:
    """Return the list or object that a text is; None when it is none, or too long to be looked through."""
    if len(text) > MAX_JSON_CHARS or text.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        return json.loads(
            text,
            object_pairs_hook=Pairs,
            parse_int=Number,
            parse_float=Number,
            parse_constant=Number,
        )
    except (ValueError, RecursionError):
        return None


def tree_of(value: Any) -> Node:
    """Return the value as a tree of at most `MAX_NODES`."""
    return _node("", value, 0, _Room())


class _Room:
    """How much more of one tree goes into the page."""

    def __init__(self) -> None:
        self.nodes, self.chars = MAX_NODES, MAX_TREE_CHARS

    def has_some(self) -> bool:
        """Whether one more fits; it is taken."""
        self.nodes -= 1
        return self.nodes >= 0 and self.chars > 0

    def take(self, text: str) -> str:
        """Return the text, which takes its room. One text may be longer than what was left."""
        self.chars -= len(text)
        return text


def table_of(value: Any) -> Table | None:
    """Return the table that a list of flat objects is, also one that is an object's only entry; else None."""
    entries = _entries(value)
    if entries is not None and len(entries) == 1:
        value = next(iter(_values(entries)))[1]
    if not isinstance(value, list) or isinstance(value, Pairs) or not value:
        return None
    shown = [_entries(row) for row in value[:MAX_ROWS]]
    if any(row is None or not _is_flat(row) for row in shown):
        return None
    rows = [dict(_values(row)) for row in shown if row is not None]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    named = columns[:MAX_COLUMNS]
    if not named:
        return None
    return Table(
        tuple(_cut(str(name), MAX_CELL_CHARS) for name in named),
        tuple(tuple(_cell(row[name]) if name in row else None for name in named) for row in rows),
        len(value) - len(rows),
        len(columns) - len(named),
    )


def _node(name: str, value: Any, depth: int, room: _Room) -> Node:
    entries = _entries(value)
    is_list = entries is None and isinstance(value, list | tuple)
    if entries is None and not is_list:
        return Node(name, room.take(_scalar(value)))
    items: Iterable[tuple[str, Any]] = (
        _values(entries) if entries is not None else (("", inner) for inner in value)
    )
    size = len(entries) if entries is not None else len(value)
    children: list[Node] = []
    if depth < MAX_DEPTH:
        for inner_name, inner in islice(items, MAX_CHILDREN):
            if not room.has_some():
                break
            label = "" if is_list else room.take(_quoted(str(inner_name)))
            children.append(_node(label, inner, depth + 1, room))
    is_open = depth == 0 or (depth < OPEN_DEPTH and size <= OPEN_CHILDREN)
    return Node(name, "", "list" if is_list else "object", tuple(children), size, is_open)


def _entries(value: Any) -> Mapping[Any, Any] | Pairs | None:
    """Return an object's entries, None for anything else."""
    return value if isinstance(value, Mapping | Pairs) else None


def _values(entries: Mapping[Any, Any] | Pairs) -> Iterable[tuple[Any, Any]]:
    return entries.items() if isinstance(entries, Mapping) else entries


def _is_flat(entries: Mapping[Any, Any] | Pairs) -> bool:
    """Whether each name stands once and has one value."""
    names = [name for name, _ in _values(entries)]
    inner = [value for _, value in _values(entries)]
    return len(set(names)) == len(names) and not any(
        isinstance(value, Mapping | list | tuple) for value in inner
    )


def _scalar(value: Any) -> str:
    if isinstance(value, Number):
        return _cut(value, MAX_TEXT_CHARS)
    if isinstance(value, str):
        return _quoted(value)
    try:
        return _cut(json.dumps(value), MAX_TEXT_CHARS)
    except (TypeError, ValueError):
        # An integer of more digits than Python will write.
        return "…"


def _cell(value: Any) -> str:
    """Return a cell's text: one needs no quotation marks where nothing stands beside it."""
    return _cut(value, MAX_CELL_CHARS) if isinstance(value, str) else _scalar(value)


def _quoted(text: str) -> str:
    cut = text if len(text) <= MAX_TEXT_CHARS else f"{text[: MAX_TEXT_CHARS - 1]}…"
    return visible(json.dumps(cut, ensure_ascii=False))


def _cut(text: str, limit: int) -> str:
    return visible(text if len(text) <= limit else f"{text[: limit - 1]}…")
