"""Exported facts: what an export adds to the registry's own form, written and read field by field.

They are read by the rules for whatever admins give (`app.services.server_fields`), since a file may say
anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final

from app.errors import InvalidInputError
from app.mcp.catalogue import ProposedServer
from app.mcp.egress import Egress
from app.mcp.export_facts import SLUG
from app.mcp.spellings import field_of
from app.mcp.texts import HELP_CHARS, clean_text
from app.services.server_fields import FIELDS, read_fields, refuse_token_header

#: Fields that an export may state, and their names there. Address and transport have a place of their own.
NAMES: Final = {
    name: name.split("_")[0] + "".join(word.capitalize() for word in name.split("_")[1:])
    for name in (*sorted(FIELDS - {"url", "transport"}), "slug", "enabled", "disabled_reason", "for_everyone")
}
BOOLEANS: Final = frozenset({"token_required", "enabled", "for_everyone"})
NULLABLE: Final = frozenset(
    {"token_help", "token_help_url", "token_placeholder", "probe_tool", "disabled_reason", "enabled"}
)


def write_facts(plain: ProposedServer | None, wanted: ProposedServer) -> dict[str, Any]:
    """Return what has to be said besides, so that what is read as `plain` becomes what is wanted.

    `plain` None: it cannot be read at all, so everything has to be said.
    """
    return {
        NAMES[one.name]: _plain(getattr(wanted, one.name))
        for one in fields(ProposedServer)
        if one.name in NAMES
        and (plain is None or one.name == "slug" or getattr(plain, one.name) != getattr(wanted, one.name))
    }


def read_facts(plain: ProposedServer, egress: Egress) -> ProposedServer:
    """Return the server with what its export says besides; itself when it comes from no export.

    Raises InvalidInputError for a field that cannot be taken.
    """
    if plain.own is None:
        return plain
    given = {name: field_of(plain.own, spelled) for name, spelled in NAMES.items() if spelled in plain.own}
    for name, value in given.items():
        _refuse_other_types(name, value)
    read: dict[str, Any] = read_fields({name: given[name] for name in given if name in FIELDS}, egress)
    if "disabled_reason" in given:
        read["disabled_reason"] = clean_text(given["disabled_reason"], HELP_CHARS) or None
    if SLUG.fullmatch(given.get("slug") or ""):
        read["slug"] = given["slug"]
    read |= {name: given[name] for name in ("enabled", "for_everyone") if name in given}
    if plain.disabled_reason is not None:
        # Its headers cannot be sent as they are, whatever is said of it; an export writes some that can.
        read["disabled_reason"] = plain.disabled_reason
        read["enabled"] = False if read.get("enabled") is False else None
    server = replace(plain, **read, is_complete=True, own=None)
    refuse_token_header(server.extra_headers, server.auth_header_name)
    return server


def _refuse_other_types(name: str, value: Any) -> None:
    if value is None and name in NULLABLE:
        return
    if name == "extra_headers":
        fits = isinstance(value, Mapping) and all(isinstance(text, str) for text in value.values())
    else:
        fits = isinstance(value, bool if name in BOOLEANS else str)
    if not fits:
        raise InvalidInputError(name, "type")


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value
