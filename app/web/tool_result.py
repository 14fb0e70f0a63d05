"""Tool result: what a tool answered, as blocks that a page can show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask_babel import gettext as _

from app.web.foreign import visible
from app.web.json_view import Node, Number, Pairs, Table, read_json, table_of, tree_of
from app.web.pictures import Picture, read_picture

MAX_BLOCK_CHARS: Final = 20_000
MAX_BLOCKS: Final = 50
#: Trees and tables of one answer: each may be as large as a page should get.
MAX_TREES: Final = 5
#: Pictures' bytes in base64, of one answer: they are in the page.
MAX_PICTURE_CHARS: Final = 2_000_000


@dataclass(frozen=True)
class Block:
    """One piece of an answer. `note` is ours; everything else is the server's, safe to print in a page."""

    text: str
    note: str = ""
    #: How many characters of the text were left off.
    left_off: int = 0
    #: The same as the text, where it is JSON; and where it is a table.
    tree: Node | None = None
    table: Table | None = None
    picture: Picture | None = None


def blocks_of(content: list[dict[str, Any]], structured: Any) -> list[Block]:
    """Return the blocks to show, in the server's order; structured content last, unless it says the same."""
    budget = _Budget()
    blocks = [_block(item, budget) for item in content[:MAX_BLOCKS]]
    if len(content) > MAX_BLOCKS:
        blocks.append(Block("", _("%(count)s more parts are not shown.", count=len(content) - MAX_BLOCKS)))
    if structured is not None and _is_list_of(content, structured):
        # The SDK makes a part of each item of a list; together they say more.
        return [_json_block(structured["result"], _Budget())]
    if structured is not None and not _is_said(structured, blocks):
        blocks.append(_json_block(structured, budget, _("Structured content")))
    return blocks


def _is_list_of(content: Sequence[Mapping[str, Any]], structured: Any) -> bool:
    """Whether the parts are the items of the structured content's list of objects, one by one."""
    items = structured.get("result") if isinstance(structured, dict) and len(structured) == 1 else None
    if not isinstance(items, list) or not 1 < len(items) == len(content) <= MAX_BLOCKS:
        return False
    texts = [part.get("text") if part.get("type") == "text" else None for part in content]
    return all(
        isinstance(item, dict) and isinstance(text, str) and _says(text, item)
        for text, item in zip(texts, items, strict=True)
    )


def _says(text: str, value: Any) -> bool:
    """Whether a text is this value in JSON, in whatever order its names come."""
    if len(text) > MAX_BLOCK_CHARS:
        return False
    try:
        return bool(json.loads(text) == value)
    except (ValueError, RecursionError):
        return False


class _Budget:
    """What may still be put into a page: an answer can be a thousand trees, or one picture fifty times."""

    def __init__(self) -> None:
        self.trees = MAX_TREES
        self.picture_chars = MAX_PICTURE_CHARS


def _is_said(structured: Any, blocks: list[Block]) -> bool:
    """Whether a block says it already; the SDK wraps a plain answer as `{"result": …}` besides."""
    plain = structured["result"] if isinstance(structured, dict) and list(structured) == ["result"] else ""
    inner = _readable(plain) if isinstance(plain, str) else _pretty(plain)
    same = {_capped(text).text for text in (_pretty(structured), inner)}
    return any(block.text in same for block in blocks if block.text)


def _block(item: Mapping[str, Any], budget: _Budget) -> Block:
    kind = item.get("type")
    if kind == "text":
        return _text_block(str(item.get("text", "")), budget)
    if kind in {"image", "audio"} and isinstance(item.get("data"), str):
        return _media_block(item, kind == "image", budget)
    resource = item.get("resource")
    if kind == "resource" and isinstance(resource, dict) and isinstance(resource.get("text"), str):
        return _text_block(resource["text"], budget, visible(str(resource.get("uri", "")))[:300])
    return _json_block(item, budget)


def _media_block(item: Mapping[str, Any], is_image: bool, budget: _Budget) -> Block:
    """Return a line about a picture or sound, with the picture where a script may draw it."""
    size = len(item["data"]) * 3 // 4
    word = _("Image") if is_image else _("Audio")
    media = visible(str(item.get("mimeType", item.get("mime_type", ""))))[:100]
    picture = read_picture(item["data"]) if is_image else None
    if picture and len(picture.data) > budget.picture_chars:
        picture = None
    if picture:
        budget.picture_chars -= len(picture.data)
        # What it is, not what the server calls it.
        media = picture.media
    return Block(
        "",
        _("%(word)s, %(media)s, %(size)s bytes", word=word, media=media, size=size),
        0,
        None,
        None,
        picture,
    )


def _text_block(text: str, budget: _Budget, note: str = "") -> Block:
    value = read_json(text)
    if value is None:
        shown = _capped(text)
        return Block(shown.text, note, shown.left_off)
    return _json_block(value, budget, note, text)


def _json_block(value: Any, budget: _Budget, note: str = "", written: str = "") -> Block:
    """Return a JSON value as text, tree and table. `written`: as the server wrote it."""
    shown = _capped(_indented(value, written) if written else _pretty(value))
    if not budget.trees:
        return Block(shown.text, note, shown.left_off)
    budget.trees -= 1
    return Block(shown.text, note, shown.left_off, tree_of(value), table_of(value))


def _capped(text: str) -> Block:
    return Block(visible(text[:MAX_BLOCK_CHARS]), left_off=max(0, len(text) - MAX_BLOCK_CHARS))


def _readable(text: str) -> str:
    """Return JSON indented, any other text as it is."""
    value = read_json(text)
    return text if value is None else _indented(value, text)


def _indented(value: Any, text: str) -> str:
    """Return the value of a JSON text indented; the text, where that would be longer than is shown."""
    if len(text) > MAX_BLOCK_CHARS:
        return text
    pieces: list[str] = []
    left = MAX_BLOCK_CHARS
    try:
        for piece in _written(value, "\n"):
            pieces.append(piece)
            left -= len(piece)
            if left < 0:
                return text
    except RecursionError:
        return text
    return "".join(pieces)


def _written(value: Any, line: str) -> Iterator[str]:
    """Yield JSON in pieces, with numbers as they were written and every name where it stood."""
    if not isinstance(value, list):
        yield value if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)
        return
    is_object = isinstance(value, Pairs)
    yield "{" if is_object else "["
    for at, item in enumerate(value):
        yield ("," if at else "") + f"{line}  "
        if is_object:
            yield f"{json.dumps(item[0], ensure_ascii=False)}: "
        yield from _written(item[1] if is_object else item, f"{line}  ")
    yield (line if value else "") + ("}" if is_object else "]")


def _pretty(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, indent=2, default=str)
    except (ValueError, RecursionError):
        return ""
