"""Asking to renew: once a day, recorded with its owner, mailed once, and over when the token is another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask, current_app

from app import clock
from app.errors import ChangedMeanwhileError, MailError, NotThereError, RenewalNotPossibleError
from app.extensions import db
from app.models import AuditEvent, Server, Token, User
from app.services import renewals, tokens
from app.services.actors import Actor
from app.services.audit_verify import verify_ledger
from app.services.keys import Keys
from app.services.renewals import Asked, RenewalRequest, ask_to_renew, list_askings
from app.services.token_matrix import get_cell
from app.services.tokens import NewToken
from tests.factories import ACTOR, make_server, make_token, make_user

ADMIN = Actor(99, "carol@example.com", "192.0.2.7", "Firefox on Linux", "admins-request")


class Post:
    """Keeps what it is given; fails as long as it is told to."""

    def __init__(self) -> None:
        self.sent: list[RenewalRequest] = []
        self.fails = False

    def __call__(self, request: RenewalRequest) -> None:
        assert not db.session().in_transaction(), "a transaction is open while the mail server is waited for"
        if self.fails:
            raise MailError("unreachable")
        self.sent.append(request)


@pytest.fixture
def token(app: Flask) -> Iterator[Token]:
    """Ann's token for GitHub, in a context."""
    with app.app_context():
        yield make_token(make_user(), make_server("GitHub"))


def ask(token: Token, send: Post | None = None, version: str | None = None) -> Asked:
    keys: Keys = current_app.extensions["keys"]
    return ask_to_renew(token.user_id, token.mcp_server_id, version, keys=keys, actor=ADMIN, send=send)


def asked_at(token: Token) -> object:
    return db.session.scalar(db.select(Token.renew_asked_at).where(Token.id == token.id))


def events(token: Token) -> list[tuple[str, str, int | None]]:
    found = db.session.scalars(
        db.select(AuditEvent)
        .where(AuditEvent.action == "token.renew_asked", AuditEvent.chain == token.user_id)
        .order_by(AuditEvent.id)
    )
    return [(event.outcome, event.actor_name, event.server_id) for event in found]


def replace_token(token: Token) -> None:
    owner = db.session.get_one(User, token.user_id)
    new = NewToken("another-token-of-theirs")
    tokens.save_token(owner, token.mcp_server_id, new, keys=current_app.extensions["keys"], actor=ACTOR)


def test_asking_is_recorded_with_the_owner_and_mailed_and_told_to_them(token: Token) -> None:
    current_app.extensions["audit_key"].prepare()
    post = Post()

    asked = ask(token, post)

    owner = db.session.get_one(User, token.user_id)
    assert (asked.is_new, asked.mail) == (True, "sent")
    assert asked.asked_at == asked_at(token)
    assert post.sent == [RenewalRequest("ann@example.com", None, token.mcp_server_id, "GitHub")]
    assert events(token) == [("ok", "carol@example.com", token.mcp_server_id)]
    assert [(one.server, one.asked_at) for one in list_askings(owner)] == [("GitHub", asked.asked_at)]
    assert verify_ledger(current_app.extensions["audit_key"]).fault is None


def test_within_a_day_nothing_more_is_done_and_after_it_something(token: Token, time_machine: object) -> None:
    post, started = Post(), clock.now()
    first = ask(token, post)

    time_machine.move_to(started + timedelta(hours=23, minutes=59))  # type: ignore[attr-defined]
    again = ask(token, post)
    time_machine.move_to(started + timedelta(hours=24, minutes=1))  # type: ignore[attr-defined]
    later = ask(token, post)

    assert (again.is_new, again.asked_at, again.mail) == (False, first.asked_at, "none")
    assert (later.is_new, len(post.sent), len(events(token))) == (True, 2, 2)


def test_without_a_mail_server_the_notice_is_all_there_is(token: Token) -> None:
    asked = ask(token)

    assert (asked.is_new, asked.mail, asked.problem) == (True, "none", None)
    assert asked_at(token) == asked.asked_at


def test_a_mail_that_failed_is_said_and_recorded_and_may_be_tried_again(token: Token) -> None:
    post = Post()
    post.fails = True

    failed = ask(token, post)
    post.fails = False
    again = ask(token, post)
    third = ask(token, post)

    assert (failed.is_new, failed.mail, failed.problem) == (True, "not_sent", "unreachable")
    assert (again.is_new, again.mail, third.is_new) == (True, "sent", False)
    assert [outcome for outcome, *_ in events(token)] == ["ok", "not_sent", "ok"]


def test_two_admins_at_once_send_one_mail(app: Flask, token: Token) -> None:
    ids, keys = (token.user_id, token.mcp_server_id), current_app.extensions["keys"]
    post, found, ready = Post(), [], threading.Barrier(3)
    db.session.rollback()

    def one() -> None:
        with app.app_context():
            ready.wait()
            found.append(ask_to_renew(*ids, None, keys=keys, actor=ADMIN, send=post).is_new)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (sorted(found), len(post.sent), len(events(token))) == ([False, False, True], 1, 1)


def test_whoever_is_overtaken_after_reading_sends_nothing(
    token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, read = Post(), renewals._held
    monkeypatch.setattr(renewals, "_refuse_where_nobody_could", lambda *_: _overtake())

    def _overtake() -> None:
        monkeypatch.undo()
        ask(token, post)

    overtaken = ask(token, post)

    assert renewals._held is read
    assert (overtaken.is_new, len(post.sent), len(events(token))) == (False, 1, 1)


def test_a_token_that_was_replaced_after_it_was_looked_at_is_not_asked_for(token: Token) -> None:
    version = get_cell(token.user_id, token.mcp_server_id).version
    replace_token(token)

    with pytest.raises(ChangedMeanwhileError):
        ask(token, version=version)

    assert (asked_at(token), events(token)) == (None, [])


@pytest.mark.parametrize("end", ["replace", "delete"])
def test_replacing_or_deleting_ends_it(token: Token, end: str) -> None:
    owner = db.session.get_one(User, token.user_id)
    ask(token)

    if end == "replace":
        replace_token(token)
    else:
        tokens.delete_token(owner, token.mcp_server_id, ACTOR)

    assert list_askings(owner) == []
    if end == "replace":
        assert ask(token).is_new


@pytest.mark.parametrize(
    ("model", "column", "reason"),
    [
        (User, "is_active", "person_disabled"),
        (Server, "is_enabled", "server_disabled"),
        (User, "stores_tokens", "storage_off"),
    ],
)
def test_whoever_could_not_save_a_new_token_is_not_asked(
    token: Token, model: type, column: str, reason: str
) -> None:
    post = Post()
    db.session.execute(db.update(model).values({column: False}))
    db.session.commit()

    with pytest.raises(RenewalNotPossibleError) as caught:
        ask(token, post)

    assert (caught.value.reason, post.sent, asked_at(token), events(token)) == (reason, [], None, [])


def test_where_no_token_is_stored_at_all_nobody_is_asked(token: Token) -> None:
    current_app.extensions["keys"].stores_tokens = False

    with pytest.raises(RenewalNotPossibleError):
        ask(token)


def test_who_holds_no_token_cannot_be_asked(token: Token) -> None:
    other = make_server("Other")

    with pytest.raises(NotThereError):
        ask_to_renew(
            token.user_id, other.id, None, keys=current_app.extensions["keys"], actor=ADMIN, send=None
        )


def test_a_server_that_is_disabled_meanwhile_is_not_told_of(token: Token) -> None:
    ask(token)
    db.session.get_one(Server, token.mcp_server_id).is_enabled = False
    db.session.commit()

    assert list_askings(db.session.get_one(User, token.user_id)) == []
