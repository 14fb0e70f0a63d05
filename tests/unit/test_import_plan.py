"""Import plan: what an admin is shown of a server before it is there."""

from __future__ import annotations

from app.mcp.catalogue import SSE, ProposedServer
from app.models import Server
from app.services.import_plan import WHICH, PlannedServer
from app.web.admin.import_words import COLUMNS, IN_ITS_LINE

#: No value is the one that every new server has.
OTHERWISE = ProposedServer(
    "Octo",
    "https://octo.example/mcp",
    registry_name="com.octo/mcp",
    description="d",
    transport=SSE,
    auth_header_name="X-Key",
    auth_value_format="{token}",
    token_required=False,
    extra_headers={"X-Org": "o"},
    token_help="h",
    token_help_url="https://octo.example/tokens",
    token_placeholder="p",
    probe_tool="get_me",
    disabled_reason="r",
    for_everyone=False,
)
#: Made by the catalogue itself.
NOBODY_CHOOSES = {"id", "slug", "name_key", "search_text", "created_at", "updated_at"}


def planned(new: ProposedServer) -> PlannedServer:
    return PlannedServer(None, new.name, new.url, new)


def test_every_column_of_a_new_server_is_shown_unless_every_server_has_it_so() -> None:
    shown = planned(OTHERWISE).settings

    assert shown.keys() | WHICH | NOBODY_CHOOSES == set(Server.__table__.columns.keys())
    assert {old for old, _ in shown.values()} == {None}
    assert planned(ProposedServer("Octo", "https://octo.example/mcp", "com.octo/mcp")).settings == {}


def test_a_new_server_that_is_enabled_in_spite_of_a_reason_is_shown_to_be() -> None:
    new = ProposedServer("Octo", "https://octo.example/mcp", disabled_reason="r", enabled=True)

    assert planned(new).settings == {"is_enabled": (None, True), "disabled_reason": (None, "r")}


def test_every_column_that_is_shown_has_its_word() -> None:
    assert planned(OTHERWISE).settings.keys() | WHICH == set(COLUMNS)
    assert set(COLUMNS) > IN_ITS_LINE
