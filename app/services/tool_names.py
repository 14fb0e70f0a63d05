"""Tool names: which of them the ledger may keep.

Whoever calls a tool names it, and servers name tools as they like: such a name could be a token that was
typed into the wrong field, or one that a server sends back. The ledger is for ever.
"""

from __future__ import annotations

from typing import Final

from app.mcp.foreign_tokens import foreign_service
from app.mcp.redaction import Redactor, shares_a_piece

#: The specification's limit (2025-11-25, server/tools, "Tool Names").
MAX_RECORDED_CHARS: Final = 128


def recorded_name(name: str, secret: str | None, is_the_servers: bool) -> str | None:
    """Return the name as the ledger keeps it, None where it must not.

    `secret`: the token that was sent; neither it, in any spelling, nor a piece of it longer than the hint may
    be in the name. `is_the_servers`: the server listed this tool, or answered a call of it: a name that only
    the caller knows may be anything.
    """
    if not is_the_servers or not 0 < len(name) <= MAX_RECORDED_CHARS or not name.isprintable():
        return None
    if secret and (Redactor(secret).text(name) != name or shares_a_piece(name, secret)):
        return None
    return None if foreign_service(name, "") else name
