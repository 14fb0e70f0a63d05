"""Call history: what of a call the ledger keeps, and who reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from app.errors import UpstreamTimeoutError
from app.extensions import db
from app.mcp.client import ToolResult
from app.models import AuditEvent, Server, User
from app.services import call_history, playground
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.call_history import LATEST, PastCall, own_calls
from app.services.playground import Call
from app.services.uses import Door, Typed
from tests.factories import make_server, make_token, make_user

TOKEN = "Zk3v9Qm7Lw2Xr8Ty5a1b2"


@dataclass
class Desk:
    """Ann, a server that answers as told, and her token for it."""

    ann: User
    server: Server
    door: Door
    answer: Any = None

    def call(self, tool: str = "add", *, typed: bool = False, is_listed: bool = True) -> None:
        token = Typed(f"typed-{TOKEN}") if typed else None
        call = Call(tool, {"secret": "argument"}, is_listed)
        playground.call_tool(self.ann, self.server.id, call, token, door=self.door)

    def answers(self, *_args: Any, **_options: Any) -> ToolResult:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer or ToolResult(False, [], None)


@pytest.fixture
def desk(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with app.app_context():
        ann, server = make_user("ann@example.com"), make_server()
        make_token(ann, server, TOKEN)
        actor = Actor(ann.id, ann.email, "192.0.2.1", "Firefox on Linux", "req1")
        extensions = app.extensions
        desk = Desk(
            ann, server, Door(extensions["keys"], extensions["egress"], actor, extensions["call_slots"])
        )
        # The outside, and nothing else.
        monkeypatch.setattr("app.mcp.client.call_tool", desk.answers)
        yield desk


def details() -> list[dict[str, Any]]:
    statement = db.select(AuditEvent.details).where(AuditEvent.action == "token.use_ended")
    return list(db.session.scalars(statement.order_by(AuditEvent.id)))


def test_a_call_is_kept_with_its_tool_and_without_its_arguments(desk: Desk) -> None:
    desk.call()
    desk.call("whoami", typed=True)

    found = own_calls(desk.ann, desk.server.id)

    assert [(one.tool, one.outcome, one.token_source) for one in found] == [
        ("whoami", "ok", "request"),
        ("add", "ok", "saved"),
    ]
    assert all(isinstance(one, PastCall) and one.milliseconds >= 0 for one in found)
    assert [set(one) for one in details()] == [{"token_source", "purpose", "milliseconds", "tool"}] * 2
    assert "argument" not in str(details())


def test_how_a_call_failed_is_kept_with_the_tool_that_the_server_had_listed(desk: Desk) -> None:
    desk.answer = ToolResult(True, [], None)
    desk.call()
    desk.answer = UpstreamTimeoutError()
    with pytest.raises(UpstreamTimeoutError):
        desk.call("slow")

    found = own_calls(desk.ann, desk.server.id)

    assert [(one.tool, one.outcome) for one in found] == [("slow", "upstream_timeout"), ("add", "error")]


@pytest.mark.parametrize(
    ("outcome", "kept"), [(ToolResult(False, [], None), "add"), (ToolResult(True, [], None), None)]
)
def test_a_name_that_only_the_caller_knows_is_kept_when_the_server_answered(
    desk: Desk, outcome: ToolResult, kept: str | None
) -> None:
    desk.answer = outcome

    desk.call(is_listed=False)

    assert [one.tool for one in own_calls(desk.ann, desk.server.id)] == [kept]


@pytest.mark.parametrize("name", [TOKEN, TOKEN[4:12], "x" * 129, "a\nb", "a\u202eb"])
def test_no_token_gets_into_the_ledger_as_a_tools_name(desk: Desk, name: str) -> None:
    desk.call(name)

    assert [one.tool for one in own_calls(desk.ann, desk.server.id)] == [None]
    assert name not in str(details())


def test_it_holds_ones_own_calls_of_this_server_and_nothing_else(app: Flask, desk: Desk) -> None:
    bob, other = make_user("bob@example.com"), make_server("Other")
    make_token(bob, desk.server, TOKEN)
    make_token(desk.ann, other, TOKEN)
    admin = Actor(bob.id, bob.email, "192.0.2.1", "Firefox on Linux", "req2")
    playground.call_tool(desk.ann, other.id, Call("elsewhere", {}, True), None, door=desk.door)
    ended = {"token_source": "saved", "milliseconds": 1}
    for actor, person, purpose in (
        (admin, bob, "call_tool"),
        (admin, desk.ann, "call_tool"),
        (desk.door.actor, desk.ann, "list_tools"),
        (desk.door.actor, desk.ann, "check"),
    ):
        given = ended | {"purpose": purpose}
        record(Action.TOKEN_USE_ENDED, actor, subject_user_id=person.id, server=desk.server, details=given)
    db.session.commit()
    desk.call("mine")

    assert [one.tool for one in own_calls(desk.ann, desk.server.id)] == ["mine"]


def test_the_latest_are_shown_the_newest_first_also_those_of_before_names_were_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"token_source": "saved", "milliseconds": 7, "purpose": "call_tool"}
    for number in range(LATEST + 3):
        named = given | ({"tool": f"tool {number}"} if number else {})
        record(
            Action.TOKEN_USE_ENDED,
            desk.door.actor,
            subject_user_id=desk.ann.id,
            server=desk.server,
            details=named,
        )
    db.session.commit()

    found = own_calls(desk.ann, desk.server.id)
    assert [one.tool for one in found] == [f"tool {number}" for number in range(LATEST + 2, 2, -1)]

    monkeypatch.setattr(call_history, "LATEST", 1000)
    assert own_calls(desk.ann, desk.server.id)[-1].tool is None
    monkeypatch.setattr(call_history, "LOOKED_THROUGH", 5)
    assert len(own_calls(desk.ann, desk.server.id)) == 5


def test_other_details_than_declared_are_still_refused(desk: Desk) -> None:
    with pytest.raises(ValueError, match="other details"):
        record(Action.TOKEN_USE_ENDED, desk.door.actor, details={"tool": "x"})
    with pytest.raises(ValueError, match="other details"):
        record(Action.TOKEN_USED, desk.door.actor, details={"token_source": "", "purpose": "", "tool": "x"})
