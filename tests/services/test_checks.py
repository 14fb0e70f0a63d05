"""Checks: what is remembered of a token, what is sent meanwhile, and what a save does with a refusal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app import clock
from app.errors import (
    BusyError,
    ForeignTokenError,
    InvalidInputError,
    KeyNotLoadedError,
    LedgerClosedError,
    ServerChangedError,
    StorageOffError,
    TokenExpiredError,
    TokenRejectedError,
    TokenRequiredError,
)
from app.extensions import db
from app.models import AuditEvent, Server, Token, User
from app.services import accounts, playground, storing, tokens
from app.services.call_slots import CallSlots
from app.services.checks import Checked, check_token
from app.services.keys import Keys, Secrets
from app.services.tokens import NewToken, Saved
from app.services.uses import Door, Typed
from tests.factories import ACTOR, PASSWORD, make_server
from tests.ledgers import shut
from tests.mcp_servers.gate import Gate
from tests.mcp_servers.running import Running, running

RIGHT = "right-token-0123456789"
WRONG = "wrong-token-0123456789"
GITHUB = "ghp_" + "Hn6c4Bd8Sf0Pj2Gu9c3d4"


@dataclass
class Desk:
    """Ann, one server that takes `RIGHT`, and the door."""

    user: User
    server: Server
    door: Door
    gate: Gate
    url: str

    def save(self, text: str = RIGHT, *, check: bool = False, **more: Any) -> Saved:
        new = NewToken(text, **more)
        if check:
            return tokens.save_checked_token(self.user, self.server.id, new, door=self.door)
        return tokens.save_token(self.user, self.server.id, new, keys=self.door.keys, actor=self.door.actor)

    def save_checked(self, text: str) -> Saved:
        return self.save(text, check=True)

    def check(self, typed: str | None = None) -> Checked:
        return check_token(
            self.user, self.server.id, Typed(typed, field="token") if typed else None, door=self.door
        )

    def list(self, typed: str | None = None) -> Any:
        return playground.list_tools(
            self.user, self.server.id, Typed(typed) if typed else None, door=self.door
        )

    def row(self) -> Token:
        return db.session.scalars(db.select(Token).execution_options(populate_existing=True)).one()

    def change(self, **values: object) -> None:
        db.session.execute(db.update(Token).values(**values))
        db.session.commit()

    def move(self, url: str) -> None:
        db.session.execute(db.update(Server).values(url=url))
        db.session.commit()


@pytest.fixture
def gate() -> Gate:
    return Gate(RIGHT)


@pytest.fixture
def remote(gate: Gate) -> Iterator[Running]:
    with running(gate.asgi()) as server:
        yield server


@pytest.fixture
def desk(app: Flask, gate: Gate, remote: Running) -> Iterator[Desk]:
    with app.app_context():
        user = accounts.create_account("ann@example.com", PASSWORD, ACTOR)
        server = make_server("Gate", url=remote.url)
        door = Door(app.extensions["keys"], remote.egress, ACTOR.signed_in_as(user), CallSlots(4))
        yield Desk(user, server, door, gate, remote.url)


def events(after: str = "") -> list[tuple[str, str]]:
    found = db.session.execute(db.select(AuditEvent.action, AuditEvent.outcome).order_by(AuditEvent.id)).all()
    told = [(row.action, row.outcome) for row in found]
    names = [action for action, _ in told]
    return told[len(names) - names[::-1].index(after) :] if after else told


def test_a_check_of_the_saved_token_is_recorded_before_and_after_and_remembered(desk: Desk) -> None:
    desk.save()

    checked = desk.check()

    assert (checked.verdict.result, checked.verdict.reason, checked.token_source) == (
        "accepted",
        "proved",
        "saved",
    )
    row = desk.row()
    assert (row.last_check_result, row.last_check_reason) == ("accepted", "proved")
    assert row.last_check_at is not None
    # A check is no use: it does not make an idle token look needed.
    assert row.last_used_at is None
    assert events("token.saved") == [("token.used", "sent"), ("token.checked", "accepted")]


def test_a_rejected_token_is_not_sent_again_until_it_is_checked_again_or_replaced(desk: Desk) -> None:
    desk.save(WRONG)
    with pytest.raises(TokenRejectedError):
        desk.list()
    assert events("token.saved") == [
        ("token.used", "sent"),
        ("token.rejected", "ok"),
        ("token.use_ended", "rejected"),
    ]
    shown = len(desk.gate.shown)

    with pytest.raises(TokenRejectedError) as caught:
        desk.list()

    assert caught.value.token_source == "saved"
    assert len(desk.gate.shown) == shown
    assert events("token.use_ended") == [("token.use_refused", "token_rejected")]
    desk.gate.accepted = {WRONG}
    assert desk.check().verdict.result == "accepted"
    assert len(desk.list().tools) == 2
    desk.save("another-token-012345")
    assert desk.row().last_check_result is None


def test_a_token_typed_for_one_call_passes_by_a_rejected_one(desk: Desk) -> None:
    desk.save(WRONG)
    desk.check()

    assert desk.list(RIGHT).token_source == "request"
    with pytest.raises(TokenRejectedError) as caught:
        desk.list("typed-and-wrong-0123")

    assert caught.value.token_source == "request"
    assert desk.row().last_check_result == "rejected"


def test_a_refusal_by_403_rejects_nothing(desk: Desk) -> None:
    desk.save(WRONG)
    desk.gate.refusal = 403

    assert desk.check().verdict.result == "not_proven"
    for _ in range(2):
        with pytest.raises(Exception, match="forbidden"):
            desk.list()

    assert desk.row().last_check_result == "not_proven"


@pytest.mark.parametrize("known", ["accepted", "rejected"])
def test_a_server_that_cannot_be_reached_takes_away_nothing_that_was_known(desk: Desk, known: str) -> None:
    desk.save()
    desk.change(last_check_result=known)
    desk.door = Door(desk.door.keys, Running(1, "/").egress, desk.door.actor, desk.door.slots)

    assert desk.check().verdict.result == "unreachable"

    assert desk.row().last_check_result == known


@pytest.mark.parametrize("how", ["check", "list"])
def test_a_token_replaced_while_the_old_one_is_refused_is_not_marked(
    app: Flask, desk: Desk, how: str
) -> None:
    desk.save(WRONG)
    user_id, server_id, keys = desk.user.id, desk.server.id, desk.door.keys

    def replace() -> None:
        with app.app_context():
            user = db.session.get_one(User, user_id)
            tokens.save_token(user, server_id, NewToken(RIGHT), keys=keys, actor=ACTOR)

    desk.gate.meanwhile = replace

    if how == "check":
        assert desk.check().verdict.result == "rejected"
    else:
        with pytest.raises(TokenRejectedError):
            desk.list()

    assert desk.row().last_check_result is None
    assert "token.rejected" not in [action for action, _ in events()]
    assert len(desk.list().tools) == 2


def test_saving_with_a_check_stores_what_was_found(desk: Desk) -> None:
    saved = desk.save(check=True)

    assert saved.created
    assert saved.verdict is not None
    assert saved.verdict.result == "accepted"
    assert desk.row().last_check_result == "accepted"
    assert events("account.created") == [
        ("token.used", "sent"),
        ("token.checked", "accepted"),
        ("token.saved", "ok"),
    ]


def test_a_rejected_replacement_leaves_the_old_token_in_force(desk: Desk) -> None:
    desk.save()
    before = desk.row().token_encrypted

    with pytest.raises(TokenRejectedError) as caught:
        desk.save(WRONG, check=True)

    assert caught.value.token_source == "request"
    assert desk.row().token_encrypted == before
    assert events("token.saved") == [("token.used", "sent"), ("token.checked", "rejected")]
    assert len(desk.list().tools) == 2


@pytest.mark.parametrize(
    ("refusal", "accepted", "result"), [(403, {RIGHT}, "not_proven"), (503, {RIGHT}, "unreachable")]
)
def test_what_was_not_proven_is_saved_and_marked_so(
    desk: Desk, refusal: int, accepted: set[str], result: str
) -> None:
    desk.gate.refusal, desk.gate.accepted = refusal, accepted

    desk.save(WRONG, check=True)

    assert desk.row().last_check_result == result


def test_a_replacement_that_cannot_be_recorded_leaves_the_old_token(desk: Desk) -> None:
    desk.save()
    before = desk.row().token_encrypted

    with shut(), pytest.raises(LedgerClosedError):
        desk.save(RIGHT + "-new")

    assert desk.row().token_encrypted == before
    assert desk.check().verdict.result == "accepted"


#: What is unwrapped to a token of GitHub, and what keeps something before it.
UNWRAPPED = (GITHUB, f"GITHUB_TOKEN={GITHUB}", f"Bearer: {GITHUB}", f'"{GITHUB}"', f"x-api-key: {GITHUB}")
LEFT = (f"`{GITHUB}", f"whatever={GITHUB}", f"user:{GITHUB}")


def test_a_token_of_another_service_is_not_sent_before_its_owner_says_so(desk: Desk) -> None:
    acts: tuple[Callable[[str], object], ...] = (desk.save, desk.check, desk.list, desk.save_checked)
    for text in UNWRAPPED + LEFT:
        for act in acts:
            with pytest.raises(ForeignTokenError) as caught:
                act(text)
            assert (caught.value.service, caught.value.reason) == ("GitHub", "foreign")
    assert desk.gate.shown == []
    desk.gate.accepted = {GITHUB}

    for text in UNWRAPPED:
        assert desk.save(text, check=True, belongs_here=True).verdict is not None
    assert set(desk.gate.shown) == {GITHUB}


def configured(url: str) -> str:
    return json.dumps({"mcpServers": {"x": {"url": url, "headers": {"Authorization": f"Bearer {RIGHT}"}}}})


def test_a_token_configured_for_another_server_is_not_sent_before_its_owner_says_so(desk: Desk) -> None:
    text = configured("https://other.example/mcp")
    acts: tuple[Callable[[str], object], ...] = (desk.save, desk.check, desk.list, desk.save_checked)
    for act in acts:
        with pytest.raises(ForeignTokenError) as caught:
            act(text)
        assert (caught.value.service, caught.value.reason) == ("other.example", "elsewhere")
    assert desk.gate.shown == []

    assert desk.save(text, holds_foreign=True).held_for == "other.example"
    with pytest.raises(ServerChangedError):
        desk.list()
    assert desk.gate.shown == []

    assert desk.save(text, belongs_here=True).held_for is None
    assert desk.save(configured(desk.url)).held_for is None
    assert len(desk.list().tools) == 2


def test_saved_by_a_program_it_is_on_hold(desk: Desk) -> None:
    desk.gate.accepted = {GITHUB}

    saved = desk.save(GITHUB, holds_foreign=True)

    assert saved.held_for == "GitHub"
    for act in (desk.list, desk.check):
        with pytest.raises(ServerChangedError):
            act()
    assert desk.gate.shown == []


def test_an_expired_token_is_not_sent_to_be_checked(desk: Desk) -> None:
    desk.save(expires_at=clock.now() + timedelta(days=1))
    desk.change(expires_at=clock.now())

    with pytest.raises(TokenExpiredError):
        desk.check()

    assert desk.gate.shown == []


def test_without_any_token_there_is_nothing_to_check(desk: Desk) -> None:
    db.session.execute(db.update(Server).values(token_required=False))
    db.session.commit()

    with pytest.raises(TokenRequiredError):
        desk.check()


def test_a_server_that_moves_while_a_new_token_is_checked_does_not_get_it_saved(
    app: Flask, desk: Desk
) -> None:
    desk.save()
    before = desk.row().token_encrypted

    def move() -> None:
        with app.app_context():
            desk.move("https://elsewhere.example/mcp")

    desk.gate.accepted, desk.gate.meanwhile = {RIGHT, WRONG}, move

    with pytest.raises(InvalidInputError, match="address_changed"):
        desk.save(WRONG, check=True)

    assert desk.row().token_encrypted == before


def test_a_token_is_not_saved_for_an_address_that_its_owner_never_saw(desk: Desk) -> None:
    for check in (False, True):
        with pytest.raises(InvalidInputError, match="address_changed"):
            desk.save(address="https://old.example/mcp", check=check)

    assert desk.gate.shown == []
    assert desk.save(address=desk.url).created


def test_a_typed_token_is_not_sent_to_an_address_that_its_owner_never_saw(desk: Desk) -> None:
    typed = Typed(RIGHT, field="token", address="https://old.example/mcp")

    for act in (check_token, playground.list_tools):
        with pytest.raises(InvalidInputError, match="address_changed"):
            act(desk.user, desk.server.id, typed, door=desk.door)

    assert desk.gate.shown == []


def test_with_a_key_that_is_not_loaded_nothing_is_sent_to_be_checked(desk: Desk) -> None:
    desk.save()
    stranger = Keys(Secrets("another-secret-than-before-0123456789"))
    desk.door = Door(stranger, desk.door.egress, desk.door.actor, desk.door.slots)

    for act in (lambda: desk.save(check=True), desk.check):
        with pytest.raises(KeyNotLoadedError):
            act()

    assert desk.gate.shown == []


def test_with_all_slots_taken_nothing_is_sent_and_nothing_saved(desk: Desk) -> None:
    with desk.door.slots.take(1), desk.door.slots.take(2), desk.door.slots.take(3), desk.door.slots.take(4):
        for act in (lambda: desk.save(check=True), lambda: desk.check(RIGHT)):
            with pytest.raises(BusyError):
                act()

    assert desk.gate.shown == []
    assert events("account.created") == []


def test_the_same_token_saved_for_another_server_is_told_and_only_to_its_owner(
    app: Flask, desk: Desk
) -> None:
    desk.save()
    other = make_server("Zoo")
    ben = accounts.create_account("ben@example.com", PASSWORD, ACTOR)
    keys = desk.door.keys

    assert tokens.save_token(ben, other.id, NewToken(RIGHT), keys=keys, actor=ACTOR).also_saved_for == ()
    assert tokens.save_token(desk.user, other.id, NewToken(RIGHT), keys=keys, actor=ACTOR).also_saved_for == (
        "Gate",
    )


@pytest.mark.parametrize("who", ["person", "installation"])
def test_where_tokens_are_not_stored_none_is_saved_and_typed_ones_still_work(desk: Desk, who: str) -> None:
    desk.save()
    if who == "person":
        assert storing.set_storing(desk.user, False, ACTOR)
        assert not storing.set_storing(desk.user, False, ACTOR)
    else:
        desk.door.keys.stores_tokens = False
    before = desk.row().token_encrypted

    for check in (False, True):
        with pytest.raises(StorageOffError) as caught:
            desk.save(WRONG, check=check)
        assert caught.value.reason == who

    assert desk.gate.shown == []
    assert desk.row().token_encrypted == before
    assert desk.list(RIGHT).token_source == "request"
    assert desk.check(RIGHT).verdict.result == "accepted"
    desk.door.keys.stores_tokens = True
