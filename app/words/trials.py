"""Trials: what a server shows to whoever has no token, in words for admins. Never the server's own words."""

from __future__ import annotations

from typing import Final

from flask_babel import lazy_gettext as _l

from app.mcp import catalogue, trial

OUTCOMES: Final = {
    trial.OPEN: _l("Works without a token"),
    trial.REFUSED: _l("Wants a token"),
    trial.UNCLEAR: _l("Not clear"),
    trial.UNREACHABLE: _l("Unreachable"),
}
#: Reason → what was found, and what one can do.
REASONS: Final = {
    "open": _l(
        "It lets anybody connect and lists its tools without a token. Some tools may want one all the same: "
        "a check can only prove a token when a probe tool is named that does."
    ),
    "probe_open": _l(
        "It lets anybody connect, and its probe tool works without a token, so that tool proves no token. "
        "Name another one that does."
    ),
    trial.CONNECT: _l("It refuses whoever comes without a token (401), so checks can prove a token."),
    trial.LIST: _l(
        "It lets anybody connect, and lists its tools only to whoever has a token (401). Checks can prove "
        "one."
    ),
    trial.CALL: _l(
        "It lists its tools to anybody, and its probe tool does not work without a token. Checks can prove "
        "one."
    ),
    "forbidden": _l(
        "It answered 403 to whoever has no token: it wants one, or does not let this machine in at all."
    ),
    "error_answer": _l(
        "It answered with an error of its own to whoever has no token, so it may want one. Save one and "
        "check it."
    ),
    "unreachable": _l(
        "It could not be reached. Look at the address, and at whether this installation may reach it."
    ),
    "timeout": _l("It did not answer in time. Try it again later."),
    "rate_limited": _l("It wants us to slow down (429). Try it again later."),
    "server_error": _l("It reported an error of its own (5xx). Try it again later."),
    "redirect": _l(
        "It sent us to another address. We do not follow, so that tokens stay where they belong: ask its "
        "provider for the address that answers itself."
    ),
    "not_mcp": _l("What answered is not an MCP server. The address may be wrong: often it ends in /mcp."),
    "too_large": _l("Its answer was too large to read."),
}
TRANSPORTS: Final = {
    catalogue.STREAMABLE_HTTP: _l("Streamable HTTP"),
    catalogue.SSE: _l("SSE, of old servers"),
}
ERAS: Final = {
    trial.STATELESS: _l("stateless, the newest era"),
    trial.HANDSHAKE: _l("with a handshake, the era before 2026-07-28"),
}
