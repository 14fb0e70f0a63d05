"""`flask users`: every command does one thing, says so, and prints no password."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from app.extensions import db
from app.models import AuditEvent, Token, User
from app.services import sessions, sign_in
from app.services.sign_in import Visitor
from tests.factories import ACTOR, PASSWORD, make_server, make_token, make_user
from tests.pages import PageClient


def test_create_reads_the_password_from_standard_input(app: Flask, runner: FlaskCliRunner) -> None:
    arguments = ["users", "create", "Ann@Example.com", "--admin", "--password-stdin"]
    result = runner.invoke(args=arguments, input=f"{PASSWORD}\n")

    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output
    with app.app_context():
        assert sign_in.authenticate("ann@example.com", PASSWORD, Visitor(ACTOR)).role == "admin"


def test_create_asks_for_the_password_twice_and_shows_it_never(runner: FlaskCliRunner) -> None:
    result = runner.invoke(args=["users", "create", "ann@example.com"], input=f"{PASSWORD}\n{PASSWORD}\n")

    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output


@pytest.mark.parametrize(
    ("email", "password", "said"),
    [
        ("ann", PASSWORD, "email"),
        ("ann@example.com", "short", "12"),
        ("bob@example.com", PASSWORD, "already"),
    ],
)
def test_create_refuses_with_the_reason(
    app: Flask, runner: FlaskCliRunner, email: str, password: str, said: str
) -> None:
    with app.app_context():
        make_user("bob@example.com")

    result = runner.invoke(args=["users", "create", email, "--password-stdin"], input=f"{password}\n")

    assert result.exit_code == 1
    assert said in result.output
    assert password not in result.output


def test_a_printed_link_sets_a_new_password_once(
    app: Flask, runner: FlaskCliRunner, client: PageClient
) -> None:
    with app.app_context():
        make_user()
    printed = runner.invoke(args=["users", "reset-password", "ann@example.com"])
    found = re.search(r"http://127\.0\.0\.1:8000(/reset-password/\S+)", printed.output)
    assert found, printed.output

    form = client.get_page(found[1]).form(found[1])
    assert client.submit(form, password="another password").status_code == 303
    client.get_page(found[1], status=404)

    client.sign_in("ann@example.com", "another password")


def test_disable_signs_out_and_enable_lets_in_again(app: Flask, runner: FlaskCliRunner) -> None:
    with app.app_context():
        session_id = sessions.start_session(make_user(), ACTOR).session_id

    assert runner.invoke(args=["users", "disable", "ann@example.com"]).exit_code == 0

    with app.app_context():
        assert sessions.find_signed_in(session_id) is None
    assert "disabled" in runner.invoke(args=["users", "list"]).output
    assert runner.invoke(args=["users", "enable", "ann@example.com"]).exit_code == 0
    assert "active" in runner.invoke(args=["users", "list"]).output


def test_sign_out_ends_every_session(app: Flask, runner: FlaskCliRunner) -> None:
    with app.app_context():
        user = make_user()
        started = [sessions.start_session(user, ACTOR).session_id for _ in range(3)]

    result = runner.invoke(args=["users", "sign-out", "ann@example.com"])

    assert "3" in result.output
    with app.app_context():
        assert not any(sessions.find_signed_in(session_id) for session_id in started)


def test_delete_takes_the_tokens_along_and_leaves_the_ledger(app: Flask, runner: FlaskCliRunner) -> None:
    with app.app_context():
        user = make_user()
        make_token(user, make_server("Octo", token_help_url="https://octo.example.com/tokens"))

    asked = runner.invoke(args=["users", "delete", "ann@example.com"], input="n\n")
    assert asked.exit_code == 1
    assert asked.output.splitlines()[:4] == [
        "With ann@example.com go tokens: 1, sessions: 0, groups: 0.",
        "These stay valid at their providers until they are revoked there:",
        "Octo\thttps://octo.example.com/tokens",
        "Delete this person and every token they saved? [y/N]: n",
    ]
    result = runner.invoke(args=["users", "delete", "ann@example.com", "--yes"])

    assert result.exit_code == 0
    with app.app_context():
        assert db.session.query(User).count() == db.session.query(Token).count() == 0
        last = db.session.scalars(db.select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert last is not None
        assert (last.action, last.details) == ("account.deleted", {"deleted_tokens": 1})


def test_an_invitation_prints_its_link_once_and_a_new_one_replaces_it(
    app: Flask, runner: FlaskCliRunner, client: PageClient
) -> None:
    printed = [
        runner.invoke(args=["users", "invite", " Eve@Example.com", *more])
        for more in (["--role", "admin"], [])
    ]
    links = [
        re.search(r"^http://127\.0\.0\.1:8000(/reset-password/\S+)$", one.output, re.M) for one in printed
    ]
    assert all(links) and [one.exit_code for one in printed] == [0, 0]

    client.get_page(links[0][1], status=404)  # type: ignore[index]
    assert "eve@example.com\tadmin\tinvited\tnever\t-\t0" in runner.invoke(args=["users", "list"]).output
    refused = runner.invoke(args=["users", "reset-password", "eve@example.com"])
    assert (refused.exit_code, "has not accepted" in refused.output) == (1, True)

    form = client.get_page(links[1][1]).form(links[1][1])  # type: ignore[index]
    assert client.submit(form, password="another password").status_code == 303
    again = runner.invoke(args=["users", "invite", "eve@example.com"])
    assert (again.exit_code, "has an account already" in again.output) == (1, True)
    assert runner.invoke(args=["users", "invite", "eve@"]).exit_code == 1
    assert runner.invoke(args=["users", "invite", "x@example.com", "--role", "root"]).exit_code == 2


def test_the_last_admin_is_kept_by_every_command(app: Flask, runner: FlaskCliRunner) -> None:
    with app.app_context():
        make_user("carol@example.com", admin=True)

    for words in (["disable"], ["set-role"], ["delete", "--yes"]):
        more = ["user"] if words == ["set-role"] else []
        result = runner.invoke(args=["users", words[0], "carol@example.com", *words[1:], *more])
        assert (result.exit_code, "Nobody else is an admin" in result.output) == (1, True)

    assert "carol@example.com\tadmin\tactive" in runner.invoke(args=["users", "list"]).output


def test_disabling_and_deleting_list_where_the_tokens_live_on(app: Flask, runner: FlaskCliRunner) -> None:
    with app.app_context():
        user = make_user()
        page = "https://github.example.com/tokens"
        make_token(user, make_server("Git\u202eHub\x1b[31m", token_help_url=page))
        make_token(user, make_server("Other"), "a-made-up-token-of-mine")

    for command in (["disable"], ["delete", "--yes"]):
        result = runner.invoke(args=["users", command[0], "ann@example.com", *command[1:]])
        listed = [line.split("\t") for line in result.output.splitlines() if "\t" in line]
        assert listed == [
            ["GitHub[31m", page],
            ["Other", "no page known; provider of mcp-2.example.com"],
        ]
        assert "a1b2" not in result.output


@pytest.mark.parametrize("command", ["disable", "enable", "sign-out", "reset-password", "delete"])
def test_somebody_unknown_is_said_to_be_unknown(runner: FlaskCliRunner, command: str) -> None:
    more = ["--yes"] if command == "delete" else []

    result = runner.invoke(args=["users", command, "nobody@example.com", *more])

    assert result.exit_code == 1
    assert "no account" in result.output
