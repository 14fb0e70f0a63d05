"""Import words: a plan as an admin reads it, in groups, longest lists cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.mcp.catalogue import SSE
from app.services.import_plan import CLOSED, Plan, PlannedEntry, PlannedServer

#: So many names are shown of what nobody has to decide on.
MAX_SHOWN: Final = 100
COLUMNS: Final = {
    "name": _l("Name"),
    "description": _l("Description"),
    "url": _l("Address"),
    "transport": _l("Transport"),
    "auth_header_name": _l("Header that carries the token"),
    "auth_value_format": _l("Its value"),
    "token_required": _l("It needs a token"),
    "extra_headers": _l("Further headers"),
    "token_help": _l("Where people find their token"),
    "token_help_url": _l("Link to that page"),
    "token_placeholder": _l("What a token looks like"),
    "probe_tool": _l("Probe tool"),
    "registry_name": _l("Registry entry"),
    "is_enabled": _l("Enabled"),
    "disabled_reason": _l("Why it is disabled"),
    "for_everyone": _l("For everyone"),
}
#: What the page says of a new server in one line with its address.
IN_ITS_LINE: Final = frozenset({"auth_header_name", "auth_value_format", "token_required"})


@dataclass(frozen=True)
class Refused:
    """What was refused for one reason: the first of them, and how many there are."""

    why: str
    shown: Sequence[str]
    count: int


@dataclass(frozen=True)
class Groups:
    """A plan in groups. `same`: names of the servers that stay as they are, the first of them."""

    new: Sequence[PlannedEntry]
    changed: Sequence[PlannedEntry]
    same: Sequence[str]
    refused: Sequence[Refused]


def groups_of(plan: Plan) -> Groups:
    """Return the plan's entries by what would become of them, and what was refused by its reason."""
    reasons: dict[str, list[str]] = {}
    for skip in plan.skipped:
        reasons.setdefault(skip.why, []).append(skip.what)
    return Groups(
        new=[entry for entry in plan.entries if entry.action == "add"],
        changed=[entry for entry in plan.entries if entry.action == "change"],
        same=[server.name for server in plan.servers if server.action == "same"][:MAX_SHOWN],
        refused=[Refused(why, whats[:MAX_SHOWN], len(whats)) for why, whats in reasons.items()],
    )


def warnings_of(server: PlannedServer) -> list[str]:
    """Return what an admin should know of a server before it is there, each as a sentence."""
    said = []
    if server.action == "disable":
        said.append(_("It is gone from its entry, so it is disabled. Tokens stay."))
    elif server.disabled_reason == CLOSED:
        said.append(_("The other servers of its entry are disabled, so this one is too."))
    elif server.disabled_reason:
        said.append(_("Not supported yet, so it is disabled: %(why)s", why=server.disabled_reason))
    if server.action == "add" and server.proposed is not None and not server.proposed.for_everyone:
        said.append(_("It is not for everyone: nobody sees it until you choose groups for it."))
    if server.proposed is not None and server.proposed.transport == SSE and server.action == "add":
        said.append(_("It speaks SSE alone, which is of old servers."))
    if server.twins:
        said.append(_("Another server has this very address: %(names)s", names=", ".join(server.twins)))
    return said


def changes_of(server: PlannedServer) -> list[tuple[str, str, str]]:
    """Return (field, what it is, what it would be) for everything that differs, or that a new server has."""
    said = IN_ITS_LINE if server.action == "add" else frozenset()
    return [
        (str(COLUMNS.get(name, name)), _told(old), _told(new))
        for name, (old, new) in server.settings.items()
        if name not in said
    ]


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, dict):
        value = "; ".join(f"{name}: {text}" for name, text in value.items())
    return str(value or _("nothing"))
