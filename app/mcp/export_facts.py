"""Export facts: what an export of a catalogue says of its servers that the registry's own form cannot say.

They stand in the `_meta` of a list's wrapper, one object for each remote, in the same order. In an entry's
own `_meta` they mean nothing: that is its publisher's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from app.mcp.spellings import field_of

#: Our name in `_meta`.
EXPORTED: Final = "mcp-market/catalogue"
#: The namespace of servers that were added by hand. Nobody can own it: `.local` is reserved (RFC 6762).
BY_HAND: Final = "local.mcp-market.by-hand/"
#: As slugs are made (`app.services.slugs`), and never only digits: commands take a slug or an id.
SLUG: Final = re.compile(r"(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?")


def facts_of_remotes(record: Any, remotes: int) -> list[Mapping[str, Any] | None]:
    """Return an object for each of so many remotes; None for each where this is no whole export."""
    is_wrapper = isinstance(field_of(record, "server"), Mapping)
    facts = field_of(field_of(field_of(record, "_meta"), EXPORTED), "remotes") if is_wrapper else None
    if isinstance(facts, list) and len(facts) == remotes and all(isinstance(one, Mapping) for one in facts):
        return list(facts)
    return [None] * remotes


def hand_name(slug: str) -> str:
    """Return the entry name of a server that was added by hand."""
    return f"{BY_HAND}{slug}"


def is_hand_name(name: str) -> bool:
    """Whether an entry of this name is a server that was added by hand, here or elsewhere."""
    return name.startswith(BY_HAND)


def hand_slug(name: str) -> str | None:
    """Return the short name in such an entry name, None for any other name."""
    slug = name.removeprefix(BY_HAND)
    return slug if is_hand_name(name) and SLUG.fullmatch(slug) else None
