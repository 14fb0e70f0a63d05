"""`flask tokens remind`, run by several machines at once, and killed: a mail a stage, or at most one less."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

from flask import Flask

from app import clock, mail
from app.cli.reminders import remind_everyone
from app.extensions import db
from app.models import Token
from tests.checkout import ROOT
from tests.factories import ACTOR, make_server, make_token, make_user
from tests.mail_servers import MailServer, Manner, mail_server

PEOPLE = [f"person-{number}@example.com" for number in range(6)]


def make_ending(app: Flask, *people: str, servers: int = 1) -> None:
    with app.app_context():
        known = [make_server(f"Server {number}") for number in range(servers)]
        for email in people:
            user = make_user(email)
            for server in known:
                make_token(user, server, expires_at=clock.now() + timedelta(days=5))


def stages(app: Flask) -> set[int | None]:
    with app.app_context():
        return set(db.session.scalars(db.select(Token.reminded_days)))


def start(app: Flask, server: MailServer, folder: Path) -> subprocess.Popen[bytes]:
    """Start the command as cron does."""
    environment = {
        "APP_ENV": "development",
        "INSTANCE_PATH": str(folder / "instance"),
        "DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
        "SECRET_KEY": app.config["SECRET_KEY"],
        "TOKEN_ENCRYPTION_SECRET": app.config["TOKEN_ENCRYPTION_SECRET"],
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(server.port),
        "SMTP_SECURITY": "none",
        "MAIL_FROM": "market@example.org",
        "SITE_URL": "https://market.example.org",
    }
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "tokens", "remind"]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)


def test_several_at_once_send_each_mail_once(app: Flask) -> None:
    app.config["SITE_URL"] = "https://market.example.org"
    make_ending(app, *PEOPLE, servers=2)
    sent: list[int] = []
    ready = threading.Barrier(3)

    def remind(settings: mail.MailSettings) -> None:
        with app.app_context():
            ready.wait()
            sent.append(remind_everyone(settings, ACTOR).sent)

    with mail_server() as server:
        settings = mail.MailSettings("127.0.0.1", server.port, "none", "market@example.org")
        threads = [threading.Thread(target=remind, args=(settings,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert (len(sent), sum(sent)) == (3, 6)
        assert sorted(server.recipients) == PEOPLE
    assert stages(app) == {7}


def test_killed_between_claim_and_mail_it_loses_that_stage_of_one_person_and_no_other(
    app: Flask, tmp_path: Path, time_machine: object
) -> None:
    app.config["SITE_URL"] = "https://market.example.org"
    make_ending(app, "ann@example.com", "bob@example.com")

    with mail_server(Manner(hangs_at="DATA")) as server:
        killed = start(app, server, tmp_path)
        assert server.arrived.wait(30)
        killed.kill()
        killed.wait()
        assert stages(app) == {7, None}
    with mail_server() as server, app.app_context():
        settings = mail.MailSettings("127.0.0.1", server.port, "none", "market@example.org")
        assert remind_everyone(settings, ACTOR).sent == 1
        assert remind_everyone(settings, ACTOR).sent == 0
        time_machine.move_to(clock.now() + timedelta(days=4, hours=1))  # type: ignore[attr-defined]
        assert remind_everyone(settings, ACTOR).sent == 2

        assert sorted(server.recipients) == ["ann@example.com", "bob@example.com", "bob@example.com"]
        assert stages(app) == {1}


def test_run_by_cron_it_sends_and_exits_with_0(app: Flask, tmp_path: Path) -> None:
    make_ending(app, "ann@example.com")

    with mail_server() as server:
        assert start(app, server, tmp_path).wait(30) == 0

        assert server.recipients == ["ann@example.com"]
        assert "/settings/tokens/" in server.text()
