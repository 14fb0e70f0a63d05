"""Tool result: what a tool answered, as blocks of text that a page can show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask_babel import gettext as _

from app.web.foreign import visible

MAX_BLOCK_CHARS: Final = 20_000
MAX_BLOCKS: Final = 50


@dataclass(frozen=True)
class Block:
    """One piece of an answer. `note` is ours; `text` is the server's, safe to print in a page."""

    text: str
    note: str = ""
    #: How many characters were left off.
    left_off: int = 0


def blocks_of(content: list[dict[str, Any]], structured: Any) -> list[Block]:
    """Return the blocks to show, in the server's order; structured content last, unless it says the same."""
    blocks = [_block(item) for item in content[:MAX_BLOCKS]]
    if len(content) > MAX_BLOCKS:
        blocks.append(Block("", _("%(count)s more parts are not shown.", count=len(content) - MAX_BLOCKS)))
    if structured is not None and not _is_said(structured, blocks):
        data = _capped(_pretty(structured))
        blocks.append(Block(data.text, _("Structured content"), data.left_off))
    return blocks


def _is_said(structured: Any, blocks: list[Block]) -> bool:
    """Whether a block says it already; the SDK wraps a plain answer as `{"result": …}` besides."""
    plain = structured["result"] if isinstance(structured, dict) and list(structured) == ["result"] else ""
    inner = _readable(plain) if isinstance(plain, str) else _pretty(plain)
    same = {_capped(text).text for text in (_pretty(structured), inner)}
    return any(block.text in same for block in blocks if block.text)


def _block(item: Mapping[str, Any]) -> Block:
    kind = item.get("type")
    if kind == "text":
        return _capped(_readable(str(item.get("text", ""))))
    if kind in {"image", "audio"} and isinstance(item.get("data"), str):
        # The content security policy allows pictures of our own only; nothing of a server's is drawn.
        size = len(item["data"]) * 3 // 4
        word = _("Image") if kind == "image" else _("Audio")
        media = visible(str(item.get("mimeType", item.get("mime_type", ""))))[:100]
        return Block("", _("%(word)s, %(media)s, %(size)s bytes", word=word, media=media, size=size))
    resource = item.get("resource")
    if kind == "resource" and isinstance(resource, dict) and isinstance(resource.get("text"), str):
        shown = _capped(resource["text"])
        return Block(shown.text, visible(str(resource.get("uri", "")))[:300], shown.left_off)
    return _capped(_pretty(item))


def _capped(text: str) -> Block:
    return Block(visible(text[:MAX_BLOCK_CHARS]), left_off=max(0, len(text) - MAX_BLOCK_CHARS))


def _readable(text: str) -> str:
    """Return JSON indented, any other text as it is."""
    if text[:1] not in {"{", "["} or len(text) > MAX_BLOCK_CHARS:
        return text
    try:
        return _pretty(json.loads(text)) or text
    except (ValueError, RecursionError):
        return text


def _pretty(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, indent=2, default=str)
    except (ValueError, RecursionError):
        return ""
