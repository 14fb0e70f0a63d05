"""`flask audit`: proof that nobody rewrote the ledger."""

from __future__ import annotations

import json
from pathlib import Path

from flask import Flask
from flask.testing import FlaskCliRunner

from app.extensions import db
from app.models import AuditEvent
from tests import ledgers
from tests.factories import make_server, make_token, make_user
from tests.ledgers import without_guards


def break_event(app: Flask) -> None:
    with app.app_context(), without_guards():
        db.session.execute(db.text("UPDATE audit_events SET agent = 'x' WHERE chain = 1 AND place = 1"))


def test_verify_names_the_first_bad_event_and_exits_with_1(app: Flask, runner: FlaskCliRunner) -> None:
    with app.app_context():
        make_token(make_user(), make_server())
    good = runner.invoke(args=["audit", "verify"])
    assert good.exit_code == 0, good.output
    assert "Nothing was rewritten" in good.output

    break_event(app)

    bad = runner.invoke(args=["audit", "verify"])
    assert bad.exit_code == 1
    assert "First: event 1 (chain 1, place 1): it was changed" in bad.output
    as_json = runner.invoke(args=["audit", "verify", "--json"])
    found = json.loads(as_json.stdout)
    assert (as_json.exit_code, found["ok"]) == (1, False)


def test_a_verification_is_recorded_with_what_it_found(app: Flask, runner: FlaskCliRunner) -> None:
    with app.app_context():
        make_user()
    runner.invoke(args=["audit", "verify"])
    break_event(app)
    runner.invoke(args=["audit", "verify"])

    with app.app_context():
        verified = db.select(AuditEvent).where(AuditEvent.action == "audit.verified").order_by(AuditEvent.id)
        found = [(event.outcome, event.details) for event in db.session.scalars(verified)]
    assert found[0] == ("ok", {"events": 1, "chains": 1})
    assert [outcome for outcome, _ in found] == ["ok", "fault"]


def test_a_ledger_that_takes_no_events_can_be_verified_all_the_same(
    app: Flask, runner: FlaskCliRunner
) -> None:
    with app.app_context():
        make_user()
        # Seals what was written before there was a key.
        assert runner.invoke(args=["audit", "verify"]).exit_code == 0
        with ledgers.shut():
            answer = runner.invoke(args=["audit", "verify"])

    assert (answer.exit_code, "Nothing was rewritten" in answer.stdout) == (0, True)
    assert "could not be recorded" in answer.stderr


def test_a_kept_head_shows_what_was_cut_off_or_set_back(
    app: Flask, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    runner.invoke(
        args=["users", "create", "ann@example.com", "--password-stdin"], input="correct horse battery\n"
    )
    head = tmp_path / "head.json"
    head.write_text(runner.invoke(args=["audit", "head"]).stdout)
    assert runner.invoke(args=["audit", "verify", "--head", str(head)]).exit_code == 0

    later = json.loads(head.read_text())
    later["chains"]["1"][0] += 1
    head.write_text(json.dumps(later))
    cut = runner.invoke(args=["audit", "verify", "--head", str(head)])
    head.write_text("something else")
    strange = runner.invoke(args=["audit", "verify", "--head", str(head)])

    assert (cut.exit_code, "has fewer now" in cut.output) == (1, True)
    assert (strange.exit_code, "not what `flask audit head` printed" in strange.output) == (1, True)
    assert runner.invoke(args=["audit", "verify", "--head", "/nowhere"]).exit_code == 2


def test_what_a_command_does_is_sealed_from_the_first_one_on(app: Flask, runner: FlaskCliRunner) -> None:
    runner.invoke(
        args=["users", "create", "ann@example.com", "--password-stdin"], input="correct horse battery\n"
    )

    with app.app_context():
        events = db.session.scalars(db.select(AuditEvent)).all()
        assert [event.action for event in events] == ["account.created"]
        assert all(event.seal for event in events)


def test_export_prints_every_event_and_is_one(app: Flask, runner: FlaskCliRunner) -> None:
    with app.app_context():
        make_user()

    lines = runner.invoke(args=["audit", "export"]).stdout.splitlines()
    table = runner.invoke(args=["audit", "export", "--format", "csv"]).stdout.splitlines()

    assert [json.loads(line)["action"] for line in lines] == ["account.created", "audit.exported"]
    assert len(table) == 1 + 3


def test_set_role_keeps_the_last_admin(app: Flask, runner: FlaskCliRunner) -> None:
    with app.app_context():
        make_user("carol@example.com", admin=True)
        make_user("ann@example.com")

    refused = runner.invoke(args=["users", "set-role", "carol@example.com", "user"])
    done = runner.invoke(args=["users", "set-role", "ann@example.com", "auditor"])

    assert (refused.exit_code, "Nobody else is an admin" in refused.output) == (1, True)
    assert (done.exit_code, done.output) == (0, "Role: auditor.\n")
    assert runner.invoke(args=["users", "set-role", "ann@example.com", "king"]).exit_code == 2
