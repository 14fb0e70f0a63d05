"""`flask groups` and `flask servers groups`: what they change, what they ask first, and how they exit."""

from __future__ import annotations

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskCliRunner

from app.cli import groups
from app.extensions import db
from app.models import AuditEvent, User
from app.services import group_list, servers
from tests.factories import make_group, make_server, make_token, make_user


@pytest.fixture
def house(app: Flask) -> None:
    """Ann and Ben, who hold tokens for GitHub, and a group of Ann's."""
    with app.app_context():
        server = make_server("GitHub", slug="github")
        people = [make_user(f"{name}@example.com") for name in ("ann", "ben")]
        for person in people:
            make_token(person, server)
        make_group("Team", people[:1])


def run(runner: FlaskCliRunner, *args: str, answers: str = "") -> Result:
    return runner.invoke(args=list(args), input=answers)


def listed(runner: FlaskCliRunner) -> list[str]:
    return run(runner, "groups", "list").output.splitlines()


@pytest.mark.usefixtures("house")
def test_a_group_is_created_filled_renamed_emptied_and_deleted(app: Flask, runner: FlaskCliRunner) -> None:
    assert run(runner, "groups", "create", " Design ").output == "Created Design (id 2).\n"
    added = run(runner, "groups", "add", "design", "ANN@example.com", "ben@example.com", "ben@example.com")
    assert added.output.splitlines() == [
        "ann@example.com: added.",
        "ben@example.com: added.",
        "ben@example.com: was in it already.",
    ]
    assert run(runner, "groups", "rename", "2", "Makers").output == "Renamed.\n"
    assert listed(runner) == ["2\tMakers\t2\t0", "1\tTeam\t1\t0"]

    refused = run(runner, "groups", "remove", "Makers", "ann@example.com", answers="n\n")
    assert refused.exit_code == 1
    assert "Take 1 person out of Makers" in refused.output
    assert listed(runner)[0] == "2\tMakers\t2\t0"
    done = run(runner, "groups", "remove", "Makers", "ann@example.com", "--yes")
    assert (done.exit_code, done.output) == (0, "ann@example.com: removed.\n")

    assert run(runner, "groups", "delete", "Makers", answers="n\n").exit_code == 1
    assert run(runner, "groups", "delete", "Makers", answers="y\n").exit_code == 0
    assert listed(runner) == ["1\tTeam\t1\t0"]
    with app.app_context():
        event = db.session.scalars(db.select(AuditEvent).filter_by(outcome="created").offset(1)).one()
        assert event.actor_name == "command line"


@pytest.mark.usefixtures("house")
def test_a_group_shows_its_people_and_servers_page_by_page(
    app: Flask, runner: FlaskCliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    for listed in (group_list.list_members, group_list.list_group_servers):
        monkeypatch.setattr(listed, "__defaults__", (*listed.__defaults__[:-1], 1))
    with app.app_context():
        people = [make_user("cid@example.com"), make_user("dan@example.com")]
        make_group("Other", people, [make_server(name, slug=name) for name in ("one", "two")])
        db.session.execute(db.update(User).where(User.email == "dan@example.com").values(is_active=False))
        db.session.commit()

    shown = run(runner, "groups", "show", "OTHER")

    assert shown.output.splitlines() == [
        "2\tOther",
        "person\tcid@example.com",
        "person\tdan@example.com (disabled)",
        "server\tone",
        "server\ttwo",
    ]
    assert run(runner, "groups", "show", "nothing").exit_code == 1


@pytest.mark.usefixtures("house")
def test_who_is_gone_meanwhile_is_said(
    app: Flask, runner: FlaskCliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        gone = make_user("gone@example.com")
        db.session.expunge(gone)
        db.session.execute(db.delete(User).where(User.id == gone.id))
        db.session.commit()
    monkeypatch.setattr(groups, "_persons", lambda _emails: [gone])

    for verb in ("add", "remove"):
        result = run(runner, "groups", verb, "team", "gone@example.com", answers="y\n")

        assert result.exit_code == 1
        assert "Error: The group or the account gone@example.com is not there any more.\n" in result.output


@pytest.mark.usefixtures("house")
def test_deleting_says_what_it_takes_away(app: Flask, runner: FlaskCliRunner) -> None:
    run(runner, "servers", "groups", "github", "--group", "Team", "--yes")

    asked = run(runner, "groups", "delete", "team", answers="n\n")

    assert (
        "No longer for 1 person, 1 with a token: GitHub\nDelete the group Team of 1 person?" in asked.output
    )


@pytest.mark.usefixtures("house")
def test_who_may_use_a_server_is_said_and_changed_with_a_question(app: Flask, runner: FlaskCliRunner) -> None:
    assert run(runner, "servers", "groups", "github").output == "For everyone.\n"

    refused = run(runner, "servers", "groups", "github", "--group", "Team", answers="n\n")

    assert refused.exit_code == 1
    assert "This takes github away, also from 1 person with a token for it. Go on?" in refused.output
    with app.app_context():
        assert servers.find_server("github").for_everyone
    done = run(runner, "servers", "groups", "github", "--group", "TEAM", answers="y\n")
    assert (done.exit_code, done.output.endswith("Changed.\n")) == (0, True)
    assert run(runner, "servers", "groups", "1").output == "For the group Team.\n"
    assert run(runner, "servers", "groups", "github", "--nobody", "--yes").output == "Changed.\n"
    assert run(runner, "servers", "groups", "github").output == "For nobody.\n"
    assert run(runner, "servers", "groups", "github", "--nobody").output == "Nothing was changed.\n"
    # What only gives is not asked about.
    assert run(runner, "servers", "groups", "github", "--everyone").output == "Changed.\n"


@pytest.mark.usefixtures("house")
def test_what_cannot_be_done_exits_with_1_or_2(app: Flask, runner: FlaskCliRunner) -> None:
    for code, *args in (
        (2, "groups", "create", ""),
        (2, "groups", "create", "team"),
        (2, "groups", "rename", "Team", "a" * 101),
        (2, "groups", "add", "Team"),
        (2, "servers", "groups", "github", "--everyone", "--nobody"),
        (1, "groups", "rename", "Nothing", "Other"),
        (1, "groups", "add", "Team", "ben@example.com", "nobody@example.com"),
        (1, "groups", "remove", "Team", "nobody@example.com", "--yes"),
        (1, "groups", "delete", "99", "--yes"),
        (1, "servers", "groups", "nothing", "--everyone"),
        (1, "servers", "groups", "github", "--group", "Nothing"),
    ):
        result = run(runner, *args)  # type: ignore[arg-type]
        assert result.exit_code == code, (args, result.output)
    with app.app_context():
        assert [(row.name, row.people) for row in group_list.list_groups().rows] == [("Team", 1)]
        assert servers.find_server("github").for_everyone
