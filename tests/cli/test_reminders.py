"""`flask tokens expiring` and `remind`: who is told what, once, whatever the mail server does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from app import clock, mail
from app.cli import reminders
from app.extensions import db
from app.models import AuditEvent, Server, Token, User
from tests.canary import CANARY_HINT, assert_no_canary
from tests.factories import make_server, make_token, make_user
from tests.ledgers import shut
from tests.mail_servers import MailServer, Manner, mail_server
from tests.mcp_servers.certificates import Authority

SITE = "https://market.example.org/mcp"
PASSWORD = "smtp-Secret-9fQ2"


def run(app: Flask, *words: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["tokens", *words])
    assert not result.exception or isinstance(result.exception, SystemExit), result.exception
    assert PASSWORD not in result.output
    assert CANARY_HINT not in result.output
    assert_no_canary(result.output, where="output")
    return result.exit_code, result.output


def use(app: Flask, server: MailServer, **more: str) -> None:
    """Let the app send its mails through this server."""
    app.config.update(
        {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": server.port, "SMTP_SECURITY": "none"},
        MAIL_FROM="market@example.org",
        SITE_URL=SITE,
        **more,
    )


def make_ending(app: Flask, email: str, *days: float, names: tuple[str, ...] = ()) -> list[int]:
    """Give a person a token for each number of days; return the servers' ids."""
    with app.app_context():
        user = make_user(email)
        servers = [make_server(name) for name in names or [f"Server {left}" for left in days]]
        for server, left in zip(servers, days, strict=True):
            make_token(user, server, expires_at=clock.now() + timedelta(days=left))
        return [server.id for server in servers]


def events(app: Flask) -> list[tuple[str, int]]:
    with app.app_context():
        found = db.session.scalars(
            db.select(AuditEvent).where(AuditEvent.action == "token.reminded").order_by(AuditEvent.id)
        )
        return [(event.outcome, int(event.details["days"])) for event in found]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.5)


@pytest.fixture
def post(app: Flask) -> Iterator[MailServer]:
    """The mail server that the app uses."""
    with mail_server() as server:
        use(app, server)
        yield server


def test_expiring_lists_who_holds_what_until_when(app: Flask) -> None:
    ids = make_ending(app, "ann@example.com", 9.5, -2, 20, names=("Linear", "Git\u202eHub\x1b[31m", "Later"))

    code, said = run(app, "expiring", "--json")
    text = run(app, "expiring")[1]

    found = json.loads(said)["tokens"]
    assert code == 0
    assert [list(token) for token in found] == [
        ["user_id", "email", "server_id", "server", "expires_at", "days_left", "status"]
    ] * 2
    assert [(token["server_id"], token["days_left"], token["status"]) for token in found] == [
        (ids[1], 0, "expired"),
        (ids[0], 10, "expiring"),
    ]
    assert {token["email"] for token in found} == {"ann@example.com"}
    assert all(token["expires_at"].endswith("+00:00") for token in found)
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d    10  expiring    ann@example.com  Linear$", text, re.M)
    assert "GitHub[31m" in text
    assert "Later" not in text


def test_expiring_says_when_there_is_nothing(app: Flask) -> None:
    assert run(app, "expiring") == (0, "No token has expired or will within 14 days.\n")
    assert json.loads(run(app, "expiring", "--json")[1]) == {"tokens": []}


def test_without_a_mail_server_nobody_is_reminded_and_it_says_so(app: Flask) -> None:
    make_ending(app, "ann@example.com", 5)

    for words in (["remind"], ["remind", "--dry-run"], ["remind", "--json"]):
        code, said = run(app, *words)
        assert (code, "SMTP_HOST is not set" in said) == (1, True)
    assert events(app) == []


def test_each_stage_is_mailed_once_day_by_day(app: Flask, post: MailServer, time_machine: object) -> None:
    started = clock.now()
    make_ending(app, "ann@example.com", 16, names=("GitHub",))
    told = {}

    for day in range(20):
        time_machine.move_to(started + timedelta(days=day, minutes=5))  # type: ignore[attr-defined]
        for _ in range(2):
            before = len(post.mails)
            assert run(app, "remind")[0] == 0
            if len(post.mails) > before:
                assert day not in told
                told[day] = post.read()["Subject"]

    assert told == {
        2: "Your token for GitHub expires in 14 days",
        9: "Your token for GitHub expires in 7 days",
        15: "Your token for GitHub expires in 1 day",
        16: "Your token for GitHub has expired",
    }
    assert events(app) == [("ok", 14), ("ok", 7), ("ok", 1), ("ok", 0)]


def test_a_run_after_a_long_pause_sends_the_last_stage_alone(
    app: Flask, post: MailServer, time_machine: object
) -> None:
    make_ending(app, "ann@example.com", 16)
    time_machine.move_to(clock.now() + timedelta(days=15, hours=12))  # type: ignore[attr-defined]

    assert json.loads(run(app, "remind", "--json")[1]) == {"sent": 1, "failed": 0, "tokens": 1}
    assert events(app) == [("ok", 1)]


def test_several_tokens_of_one_person_go_into_one_mail_which_says_what_to_do(
    app: Flask, post: MailServer
) -> None:
    soon, gone, later = make_ending(
        app, "ann@example.com", 6.5, -1, 60, names=("GitHub", "https://linear.example", "Later")
    )
    make_ending(app, "bob@example.com", 0.5, names=("Notion",))

    code, said = run(app, "remind", "--json")

    assert (code, json.loads(said)) == (0, {"sent": 2, "failed": 0, "tokens": 3})
    assert sorted(post.recipients) == ["ann@example.com", "bob@example.com"]
    place = post.recipients.index("ann@example.com")
    text = post.text(place)
    assert post.read(place)["Subject"] == "2 of your tokens expire soon or have expired"
    assert re.search(
        r"\* GitHub\n  Expires in 7 days, on .+ UTC\. After that .+\n"
        rf"  Replace it: {SITE}/settings/tokens/{soon}\n",
        text,
    )
    # What a stranger called their server is no link.
    assert re.search(
        rf"\* https: //linear\.example\n  Expired on .+\n  Replace it: {SITE}/settings/tokens/{gone}\n", text
    )
    assert f"tokens/{later}\n" not in text
    assert "Notion" not in text
    for _, _, raw in post.mails:
        assert_no_canary(raw.decode(), where="mail")
        assert CANARY_HINT not in raw.decode()
    assert run(app, "remind") == (0, "Nothing to do: nobody is to be reminded of anything now.\n")


def test_a_dry_run_says_who_and_does_nothing(app: Flask, post: MailServer) -> None:
    make_ending(app, "ann@example.com", 5, 3)

    code, said = run(app, "remind", "--dry-run")

    assert (code, said.count("ann@example.com")) == (0, 2)
    assert "Mails that would be sent: 1" in said
    assert json.loads(run(app, "remind", "--dry-run", "--json")[1]) == {"sent": 1, "failed": 0, "tokens": 2}
    assert (post.connections, events(app)) == (0, [])


def test_disabled_people_and_servers_get_no_mail(app: Flask, post: MailServer) -> None:
    make_ending(app, "ann@example.com", 5)
    server_id = make_ending(app, "bob@example.com", 5)[0]
    with app.app_context():
        db.session.execute(db.update(User).where(User.email == "ann@example.com").values(is_active=False))
        db.session.execute(db.update(Server).where(Server.id == server_id).values(is_enabled=False))
        db.session.commit()

    assert run(app, "remind")[0] == 0
    assert json.loads(run(app, "expiring", "--json")[1]) == {"tokens": []}
    assert post.connections == 0


def test_a_date_that_is_moved_is_reminded_of_anew(app: Flask, post: MailServer, time_machine: object) -> None:
    make_ending(app, "ann@example.com", 10)
    run(app, "remind")
    started = clock.now()
    with app.app_context():
        db.session.execute(db.update(Token).values(expires_at=started + timedelta(days=40)))
        db.session.commit()
    told = []

    for day in range(42):
        time_machine.move_to(started + timedelta(days=day, minutes=5))  # type: ignore[attr-defined]
        before = len(post.mails)
        run(app, "remind")
        told += [day] * (len(post.mails) - before)

    assert told == [26, 33, 39, 40]


def test_a_refused_mail_is_counted_given_back_and_tried_again(app: Flask) -> None:
    make_ending(app, "ann@example.com", 5)
    make_ending(app, "bob@example.com", 5)

    with mail_server(Manner(refuses=("ann@example.com",))) as server:
        use(app, server)
        code, said = run(app, "remind")
        assert (code, server.recipients) == (1, ["bob@example.com"])
        assert "Mails that were not sent: 1" in said
        assert "ann@example.com: The mail server refused a mail" in said
        server.manner.refuses = ()
        assert json.loads(run(app, "remind", "--json")[1]) == {"sent": 1, "failed": 0, "tokens": 1}

        assert server.recipients == ["bob@example.com", "ann@example.com"]
    assert events(app) == [("ok", 7), ("not_sent", 7), ("ok", 7), ("ok", 7)]


def test_a_server_that_is_not_there_costs_nobody_a_stage_and_the_ledger_no_event(app: Flask) -> None:
    for name in ("ann", "bob", "cyd"):
        make_ending(app, f"{name}@example.com", 5)
    with mail_server(Manner(hangs_up_at="greeting")) as server:
        use(app, server)
        code, said = run(app, "remind")

        assert (code, server.connections) == (1, 1)
        assert "Mails that were not sent: 3" in said
        assert "SMTP_HOST and SMTP_PORT" in said
        assert events(app) == []
        server.manner.hangs_up_at = ""
        assert run(app, "remind")[0] == 0
        assert len(server.mails) == 3


def test_a_server_that_hangs_holds_no_transaction_and_is_left_alone_after_three(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ann", "bob", "cyd", "dan", "eve"):
        make_ending(app, f"{name}@example.com", 5)
    open_connections = []

    def look(_post: object, message: mail.Message) -> None:
        open_connections.append(db.engine.pool.checkedout())  # type: ignore[attr-defined]
        send(_post, message)  # type: ignore[arg-type]

    send = mail.Post.send
    monkeypatch.setattr(mail.Post, "send", look)
    monkeypatch.setattr(reminders, "LOST_IN_A_ROW", 3)
    with mail_server(Manner(hangs_at="DATA")) as server:
        use(app, server)
        code, said = run(app, "remind", "--json")

        assert (code, json.loads(said.splitlines()[-1])) == (1, {"sent": 0, "failed": 5, "tokens": 0})
        assert (server.connections, open_connections) == (3, [0, 0, 0])
    assert events(app) == [("ok", 7), ("not_sent", 7)] * 3
    with app.app_context():
        assert set(db.session.scalars(db.select(Token.reminded_days))) == {None}


def test_a_closed_ledger_sends_nothing(app: Flask, post: MailServer) -> None:
    make_ending(app, "ann@example.com", 5)
    with app.app_context(), shut():
        code, said = run(app, "remind")

    assert (code, "The audit log takes no events" in said, post.mails) == (1, True, [])


def test_a_password_is_quoted_by_the_server_and_by_nobody_else(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_ending(app, "ann@example.com", 5)
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    manner = Manner(authority.certificate_for("localhost"), login=("market", "another"), quotes=True)

    with mail_server(manner) as server:
        use(app, server, SMTP_USERNAME="market", SMTP_PASSWORD=PASSWORD, SMTP_SECURITY="starttls")
        app.config["SMTP_HOST"] = "localhost"
        code, said = run(app, "remind")
        assert (code, "refused SMTP_USERNAME and SMTP_PASSWORD" in said) == (1, True)
        server.manner.login, server.manner.refuses = ("market", PASSWORD), ("ann@example.com",)
        assert run(app, "remind")[0] == 1
        server.manner.refuses = ()
        assert run(app, "remind")[0] == 0

        assert server.recipients == ["ann@example.com"]
    logged = [record for record in caplog.records if record.name == "app.cli.reminders"]
    assert [record.__dict__["reason"] for record in logged] == ["sign_in", "refused"]
    assert PASSWORD not in "".join(str(record.__dict__) for record in caplog.records)


@pytest.mark.parametrize(
    "name",
    [
        "x\r\nBcc: eve@example.net\r\n\r\nTheirs",
        "=?utf-8?q?x=0D=0ABcc:_eve=40example.net?=",
        "GitHub\u202e\u2066\u200f\x1b[31m",
        "\u202e\u2066",
        "가" * 200,
        "\n.\r\n.\r\nMAIL FROM:<eve@example.net>",
    ],
    ids=["header", "encoded", "bidi", "nothing but bidi", "long", "smuggled"],
)
def test_a_hostile_name_stays_a_name(app: Flask, post: MailServer, name: str) -> None:
    make_ending(app, "ann@example.com", 5, names=(name,))

    assert run(app, "remind")[0] == 0

    read, text = post.read(), post.text()
    assert tuple(sorted(header.lower() for header in read)) == mail.HEADERS
    assert (post.recipients, len(post.mails)) == (["ann@example.com"], 1)
    assert re.fullmatch(r"Your token for .{1,60} expires in 5 days", read["Subject"].strip())
    assert re.search(r"\n\* .{1,100}\n  Expires in 5 days, on ", text)
    assert [letter for letter in text if not letter.isprintable() and letter not in "\n\u202f"] == []


def test_a_mail_is_in_its_readers_language_and_else_in_english(app: Flask, post: MailServer) -> None:
    for email, locale in (("ann@example.com", "ko"), ("bob@example.com", "xx-1"), ("cyd@example.com", None)):
        make_ending(app, email, 5)
        with app.app_context():
            db.session.execute(db.update(User).where(User.email == email).values(locale=locale))
            db.session.commit()

    assert run(app, "remind")[0] == 0

    texts = {post.read(place)["To"]: post.text(place) for place in range(3)}
    assert re.search(r"5일 후\(\d{4}\. \d+\. \d+\. .* UTC\) 만료됩니다", texts["ann@example.com"])
    assert re.search(r"on [A-Z][a-z]{2} \d+, \d{4}", texts["bob@example.com"])
    assert re.search(r"on [A-Z][a-z]{2} \d+, \d{4}", texts["cyd@example.com"])


@pytest.mark.parametrize("who", ["person", "installation"])
def test_who_stores_no_tokens_any_more_is_told_to_delete_it_and_not_to_replace_it(
    app: Flask, post: MailServer, who: str
) -> None:
    make_ending(app, "ann@example.com", 5)
    with app.app_context():
        db.session.execute(db.update(User).values(stores_tokens=who != "person"))
        db.session.commit()
    app.extensions["keys"].stores_tokens = who != "installation"

    assert run(app, "remind")[0] == 0

    text = " ".join(post.text().split())
    assert re.search(r"Delete it: \S+/settings/tokens/[0-9]+/delete", text)
    assert "type a token for each call in the playground" in text
    assert not re.search(r"replace|save it|new token", text, re.IGNORECASE)
