"""`flask tokens list`, `ask` and `delete`: what they say and do, and with which code they exit."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from flask import Flask

from app import mail
from app.cli import held_tokens
from app.extensions import db
from app.models import AuditEvent, Server, Token, User
from tests.canary import CANARY_HINT, assert_no_canary
from tests.factories import make_server, make_token, make_user
from tests.mail_servers import MailServer, Manner, mail_server


def run(app: Flask, *words: str, **more: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["tokens", *words], **more)
    assert not result.exception or isinstance(result.exception, SystemExit), result.exception
    assert CANARY_HINT not in result.output
    assert_no_canary(result.output, where="output")
    return result.exit_code, result.output


@pytest.fixture
def held(app: Flask) -> None:
    """Ann holds tokens for two of three servers, one of them rejected; Ben none."""
    with app.app_context():
        ann = make_user("ann@example.com")
        make_user("ben@example.com")
        make_token(ann, make_server("GitHub", slug="github"))
        make_token(ann, make_server("Lin\u202eear\x1b[31m", slug="linear"), last_check_result="rejected")
        make_server("Notion", slug="notion")


@pytest.fixture
def post(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """The mail server that the app uses."""
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.5)
    with mail_server(Manner()) as server:
        app.config.update(
            {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": server.port, "SMTP_SECURITY": "none"},
            MAIL_FROM="market@example.org",
            SITE_URL="https://market.example.org",
        )
        yield server


@pytest.mark.usefixtures("held")
def test_the_list_says_who_holds_what_in_which_state(app: Flask) -> None:
    code, said = run(app, "list")
    of_ann = json.loads(run(app, "list", "--person", "ANN@example.com", "--json")[1])["tokens"]
    of_notion = json.loads(run(app, "list", "--server", "notion", "--json")[1])["tokens"]

    assert (code, said.splitlines()[-1]) == (0, "Total: 2 (rejected 1, saved 1)")
    assert "ann@example.com  Linear[31m" in said
    assert [(one["server"][:6], one["status"]) for one in of_ann] == [
        ("GitHub", "saved"),
        ("Lin\u202eea", "rejected"),
        ("Notion", "none"),
    ]
    assert [(one["email"], one["status"]) for one in of_notion] == [
        ("ann@example.com", "none"),
        ("ben@example.com", "none"),
    ]
    assert set(of_ann[0]) == {
        *("user_id", "email", "server_id", "server", "available", "status", "created_at", "updated_at"),
        *("last_used_at", "last_check_at", "expires_at", "renew_asked_at"),
    }


@pytest.mark.usefixtures("held")
def test_the_list_is_filtered_and_says_when_there_is_nothing(app: Flask) -> None:
    assert "Total: 1 (rejected 1)" in run(app, "list", "--status", "attention")[1]
    assert "Total: 1 (none 1)" in run(app, "list", "--person", "ann@example.com", "--status", "none")[1]
    assert run(app, "list", "--status", "expired") == (0, "Nothing found.\n")
    assert json.loads(run(app, "list", "--status", "expired", "--json")[1]) == {"tokens": []}
    for words, code in (
        (["--status", "none"], 2),
        (["--status", "stolen"], 2),
        (["--person", "nobody@example.com"], 1),
        (["--server", "nothing"], 1),
    ):
        assert run(app, "list", *words)[0] == code


@pytest.mark.usefixtures("held")
def test_asking_is_done_once_a_day_and_mailed_where_mails_are_sent(app: Flask, post: MailServer) -> None:
    assert run(app, "ask", "ann@example.com", "github") == (0, "Asked, by mail too.\n")
    code, again = run(app, "ask", "ann@example.com", "github")

    assert (code, "were asked already" in again) == (0, True)
    assert post.recipients == ["ann@example.com"]
    app.config["SMTP_HOST"] = None
    assert run(app, "ask", "ann@example.com", "linear")[1] == "Asked, on their page. No mail is sent here.\n"
    assert run(app, "ask", "ann@example.com", "notion")[0] == 1


@pytest.mark.usefixtures("held")
def test_asking_says_when_no_mail_was_sent_or_nobody_was_asked(app: Flask, post: MailServer) -> None:
    post.manner.hangs_up_at = "MAIL"
    code, said = run(app, "ask", "ann@example.com", "github")
    with app.app_context():
        db.session.scalars(db.select(User).where(User.email == "ann@example.com")).one().is_active = False
        db.session.commit()

    assert (code, "no mail was sent" in said) == (1, True)
    code, said = run(app, "ask", "ann@example.com", "linear")
    assert (code, "account is disabled" in said) == (1, True)


@pytest.mark.usefixtures("held")
def test_nobody_is_asked_for_a_token_of_a_server_that_is_not_there_for_them(app: Flask) -> None:
    with app.app_context():
        db.session.execute(db.update(Server).values(for_everyone=False))
        db.session.commit()

    code, said = run(app, "ask", "ann@example.com", "github")

    assert (code, "not there for them" in said) == (1, True)
    assert "ann@example.com  GitHub (not there for them)\n" in run(app, "list")[1]


@pytest.mark.usefixtures("held")
def test_what_is_gone_while_it_asks_is_said(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def confirm(*_: object, **__: object) -> bool:
        with app.app_context():
            db.session.execute(db.delete(Token))
            db.session.commit()
        return True

    monkeypatch.setattr("click.confirm", confirm)
    without_token = run(app, "delete", "ann@example.com", "github")
    monkeypatch.setattr(held_tokens, "_person", lambda _email: User(id=99))
    without_person = run(app, "delete", "ann@example.com", "github")

    assert without_token == (0, "There was no token any more.\n")
    assert without_person == (1, "Error: The person or the server is not there any more.\n")


@pytest.mark.usefixtures("held")
def test_deleting_asks_and_is_recorded(app: Flask) -> None:
    assert run(app, "delete", "ann@example.com", "github", input="n\n")[0] == 1
    code, said = run(app, "delete", "ann@example.com", "github", "--yes")

    assert (code, "stays valid at its provider" in said) == (0, True)
    assert run(app, "delete", "ann@example.com", "github", "--yes") == (0, "There was no token.\n")
    with app.app_context():
        github = db.session.scalars(db.select(Server.id).where(Server.slug == "github")).one()
        assert github not in db.session.scalars(db.select(Token.mcp_server_id)).all()
        event = db.session.scalars(db.select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert event is not None
        assert (event.action, event.actor_name) == ("token.deleted", "command line")
        assert event.subject_user_id is not None
