"""Upstream: what a server did instead of what it was asked to, and what one can do. Never its own words."""

from __future__ import annotations

from typing import Final

from flask_babel import lazy_gettext as _l

#: Reason of an UpstreamError → what to say.
REASONS: Final = {
    "unreachable": _l("The server could not be reached. Try again later; if it stays so, tell an admin."),
    "forbidden": _l("The server answered that this token may not do that (403)."),
    "insufficient_scope": _l(
        "The server knows this token, but the token lacks a permission (scope) for this."
    ),
    "rate_limited": _l("The server wants us to slow down (429). Try again later."),
    "server_error": _l("The server reported an error of its own. Try again later."),
    "redirect": _l(
        "The server sent us to another address. We do not follow, so that your token stays where it belongs. "
        "Tell an admin: the address in the catalogue may be out of date."
    ),
    "not_mcp": _l(
        "What answered is not an MCP server. Tell an admin: the address in the catalogue may be wrong."
    ),
    "error_answer": _l("The server answered with an error of its own."),
    "too_large": _l("The server's answer was too large to read. Ask for less of it."),
}
