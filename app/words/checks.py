"""Checks: what each answer and each reason of a check says to a person. Never the server's own words."""

from __future__ import annotations

from typing import Final

from flask_babel import lazy_gettext as _l

from app.mcp import checks

RESULTS: Final = {
    checks.ACCEPTED: _l("Accepted"),
    checks.REJECTED: _l("Rejected"),
    checks.NOT_PROVEN: _l("Not proven"),
    checks.UNREACHABLE: _l("Unreachable"),
}
#: Reason → what was found, and what one can do.
REASONS: Final = {
    "proved": _l("The server takes this token, and refuses to work without one."),
    "probe": _l("The server's probe tool worked with this token."),
    "refused": _l("The server refused this token (401). Get a new one from its provider."),
    "open": _l("The server answers the same without a token, so its answer says nothing about this one."),
    "probe_open": _l("The probe tool answers the same without a token, so it says nothing about this one."),
    "probe_changes": _l(
        "The probe tool's answer changes by itself from call to call, so it says nothing about this token. "
        "An admin can name another tool."
    ),
    "probe_echo": _l(
        "The probe tool only repeats the token that it was sent, which does not say that it is right. "
        "An admin can name another tool."
    ),
    "probe_failed": _l(
        "The probe tool reported an error with this token: either the token is wrong, or the tool failed."
    ),
    "no_comparison": _l(
        "The server works with this token; whether it refuses without one could not be found out."
    ),
    "forbidden": _l(
        "The server answered 403: this token may not do that. It may be another account's, or have too few "
        "rights. Compare it with what its provider says."
    ),
    "insufficient_scope": _l(
        "The server knows this token, but it has too little scope. Make one with more rights at its provider."
    ),
    "error_answer": _l("The server answered with an error of its own, which says nothing about the token."),
    "unreachable": _l(
        "The server could not be reached, which says nothing about the token. Check again later."
    ),
    "timeout": _l(
        "The server did not answer in time, which says nothing about the token. Check again later."
    ),
    "rate_limited": _l("The server wants us to slow down (429). Check again later."),
    "server_error": _l("The server reported an error of its own (5xx). Check again later."),
    "redirect": _l(
        "The server sent us to another address. We do not follow, so that your token stays where it belongs. "
        "Tell an admin: the address in the catalogue may be out of date."
    ),
    "not_mcp": _l(
        "What answered is not an MCP server. Tell an admin: the address in the catalogue may be wrong."
    ),
    "too_large": _l("The server's answer was too large to read. Tell an admin."),
}
