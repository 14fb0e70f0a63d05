"""The token one person holds for a server, by JSON."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app import clock
from app.extensions import db
from app.models import Server, Token, User
from tests.canary import CANARY, CANARY_HINT
from tests.factories import make_token, make_user
from tests.web.api.conftest import EMAIL, Program, assert_problem

PATH = "/api/mcp-servers/1/auth-token"


def test_without_a_token_that_is_all_there_is_to_say(ann: Program) -> None:
    answer = ann.get(PATH)

    assert (answer.status_code, answer.json) == (200, {"has_token": False})


def test_a_first_save_is_201_and_a_second_one_200(ann: Program) -> None:
    first = ann.post(PATH, {"token": CANARY})
    second = ann.post(PATH, {"token": CANARY})

    expected = {"success": True, "message": "Token saved", "hint": CANARY_HINT}
    assert (first.status_code, first.json) == (201, expected)
    assert (second.status_code, second.json) == (200, expected)


def test_a_saved_token_shows_its_hint_and_times(ann: Program) -> None:
    ann.post(PATH, {"token": CANARY})

    shown = ann.get(PATH).json

    fields = {
        "has_token",
        "hint",
        "status",
        "created_at",
        "updated_at",
        "last_used_at",
        "expires_at",
        "renew_asked_at",
    }
    assert shown.keys() == fields | {"help", "remedy", "last_check_at", "last_check_result"}
    assert (shown["has_token"], shown["hint"], shown["status"]) == (True, CANARY_HINT, "saved")
    assert (shown["last_used_at"], shown["expires_at"]) == (None, None)
    for name in ("created_at", "updated_at"):
        assert abs(clock.now() - datetime.fromisoformat(shown[name])) < timedelta(minutes=1)


def test_what_was_taken_off_the_paste_is_told(ann: Program) -> None:
    assert ann.post(PATH, {"token": f"Bearer {CANARY}"}).json["changed"] == ["scheme"]
    assert ann.post(PATH, {"token": f" {CANARY}\n"}).json.keys() == {"success", "message", "hint"}


def test_a_paste_that_names_another_server_is_on_hold_and_not_checked(ann: Program) -> None:
    entry = {"url": "https://other.example/mcp", "headers": {"Authorization": f"Bearer {CANARY}"}}
    paste = json.dumps({"mcpServers": {"x": entry}})

    refused = ann.post(PATH, {"token": paste, "check": True})
    checked = ann.post(f"{PATH}/check", {"token": paste})
    saved = ann.post(PATH, {"token": paste})

    for answer in (refused, checked):
        problem = assert_problem(answer, 422, "foreign_token")
        assert (problem["reason"], problem["service"]) == ("elsewhere", "other.example")
        assert "other.example" in problem["errors"]["token"][0]
    assert (saved.status_code, saved.json["held_for"]) == (201, "other.example")
    assert saved.json["changed"] == ["json", "scheme"]
    assert ann.get(PATH).json["status"] == "on_hold"

    assert "held_for" not in ann.post(PATH, {"token": paste, "belongs_here": True}).json
    assert ann.get(PATH).json["status"] == "saved"


def test_quotes_are_told_as_taken_off(ann: Program) -> None:
    assert ann.post(PATH, {"token": f'"{CANARY}"'}).json["changed"] == ["quotes"]


def test_a_short_token_has_no_hint(ann: Program) -> None:
    assert ann.post(PATH, {"token": "abcd1234"}).json["hint"] is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \ufeff\n", "empty"),
        ("Bearer", "empty"),
        ("********", "mask"),
        ("...a1b2", "mask"),
        ("${GITHUB_TOKEN}", "placeholder"),
        ("abc1234", "too_short"),
        ("x" + "1" * 4096, "too_long"),
        (f"{CANARY} {CANARY}", "space"),
        (f"{CANARY}\n{CANARY}", "line_break"),
        (f"{CANARY}\0", "characters"),
        (f"{CANARY}é", "characters"),
        (f"{CANARY}\U0001f511", "characters"),
    ],
)
def test_what_cannot_be_a_token_is_refused_and_the_saved_one_stays(
    ann: Program, app: Flask, text: str, reason: str
) -> None:
    ann.post(PATH, {"token": "the-one-that-was-there"})

    document = assert_problem(ann.post(PATH, {"token": text}), 422, "invalid")

    assert list(document["errors"]) == ["token"]
    assert document["reason"] == reason
    assert ann.get(PATH).json["hint"] == "...here"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2040-01-31T12:00:00Z", "2040-01-31T12:00:00+00:00"),
        ("2040-01-31t12:00:00.123456789+09:00", "2040-01-31T03:00:00.123456+00:00"),
        ("2040-01-31T12:00:00.5z", "2040-01-31T12:00:00.500000+00:00"),
    ],
)
def test_an_instant_in_the_future_ends_a_token(ann: Program, text: str, kept: str) -> None:
    assert ann.post(PATH, {"token": CANARY, "expires_at": text}).status_code == 201

    assert ann.get(PATH).json["expires_at"] == kept


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999-00:00"])
def test_the_last_instant_there_is_can_be_kept(ann: Program, text: str) -> None:
    assert ann.post(PATH, {"token": CANARY, "expires_at": text}).status_code == 201
    assert ann.get(PATH).json["expires_at"].startswith("9999-12-31T23:59:59")
    assert ann.get("/api/mcp-servers").status_code == 200
    assert ann.client.get("/settings/tokens").status_code == 200


def test_null_means_that_a_token_does_not_end(ann: Program) -> None:
    assert ann.post(PATH, {"token": CANARY, "expires_at": None}).status_code == 201


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("2040-01-31T12:00:00", "date_time"),
        ("2040-01-31", "date_time"),
        ("2040-01-31 12:00:00Z", "date_time"),
        ("20400131T120000Z", "date_time"),
        ("2040-W05-2T12:00:00Z", "date_time"),
        ("2040-02-30T12:00:00Z", "date_time"),
        ("2040-01-31T24:00:00Z", "date_time"),
        ("2040-01-31T12:00:60Z", "date_time"),
        ("2040-01-31T12:00:00+25:00", "date_time"),
        ("9999-12-31T23:59:59-14:00", "date_time"),
        ("0000-01-01T00:00:00Z", "date_time"),
        ("٢٠٤٠-01-31T12:00:00Z", "date_time"),
        ("2040-01-31T12:00:00Z\n", "date_time"),
        ("", "date_time"),
        (CANARY, "date_time"),
        (2211624000, "date_time"),
        (True, "date_time"),
        ([], "date_time"),
        ("0001-01-01T00:00:00Z", "past"),
        ("2020-01-31T12:00:00Z", "past"),
    ],
)
def test_any_other_end_is_refused(ann: Program, value: Any, reason: str) -> None:
    document = assert_problem(ann.post(PATH, {"token": CANARY, "expires_at": value}), 422, "invalid")

    assert (list(document["errors"]), document["reason"]) == (["expires_at"], reason)
    assert ann.get(PATH).json == {"has_token": False}


def test_whether_to_check_is_true_or_false(ann: Program) -> None:
    assert ann.post(PATH, {"token": CANARY, "check": False}).status_code == 201

    for value in (0, "false", None):
        document = assert_problem(ann.post(PATH, {"token": CANARY, "check": value}), 422, "invalid")
        assert (list(document["errors"]), document["reason"]) == (["check"], "flag")


def test_deleting_is_204_whether_or_not_there_was_one(ann: Program) -> None:
    ann.post(PATH, {"token": CANARY})

    for _ in range(2):
        answer = ann.delete(PATH)
        assert (answer.status_code, answer.data) == (204, b"")
    assert ann.get(PATH).json == {"has_token": False}


@pytest.mark.parametrize(
    "server_id",
    [
        "0",
        "2",
        "2147483647",
        "2147483648",
        "9223372036854775808",
        "9" * 400,
        "-1",
        "+1",
        "1.0",
        "1e0",
        "x",
        "١",
        "%31%30",
        "1%00",
        " 1",
    ],
)
def test_what_is_no_server_is_404_everywhere(ann: Program, server_id: str) -> None:
    for answer in (
        ann.get(f"/api/mcp-servers/{server_id}/auth-token"),
        ann.post(f"/api/mcp-servers/{server_id}/auth-token", {"token": CANARY}),
        ann.delete(f"/api/mcp-servers/{server_id}/auth-token"),
        ann.post(f"/api/playground/{server_id}/tools"),
        ann.post(f"/api/playground/{server_id}/call", {"tool": "whoami"}),
    ):
        assert_problem(answer, 404, "not_found")


def test_nobody_sees_or_touches_the_token_of_another(ann: Program, app: Flask) -> None:
    ann.post(PATH, {"token": CANARY})
    with app.app_context():
        make_user("bob@example.com")
    bob = Program(app)
    bob.sign_in("bob@example.com")

    assert bob.get(PATH).json == {"has_token": False}
    assert bob.get("/api/mcp-servers").json["items"][0]["token"] == {"has_token": False}
    assert_problem(bob.post("/api/playground/1/tools"), 409, "token_required")
    assert bob.delete(PATH).status_code == 204
    assert ann.get(PATH).json["has_token"] is True


def test_of_eight_first_saves_at_once_one_creates_and_seven_replace(ann: Program, app: Flask) -> None:
    programs = [Program(app) for _ in range(8)]
    for program in programs:
        assert program.sign_in().status_code == 200

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda program: program.post(PATH, {"token": CANARY}), programs))

    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    with app.app_context():
        assert db.session.scalar(db.select(db.func.count()).select_from(Token)) == 1


@pytest.mark.parametrize(
    ("columns", "status"),
    [
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "expired"),
        ({"bound_url": "https://elsewhere.example.com/mcp"}, "on_hold"),
        ({"unreadable_at": datetime(2020, 1, 1, tzinfo=UTC)}, "unreadable"),
        ({"last_check_result": "rejected"}, "rejected"),
    ],
)
def test_a_token_in_trouble_shows_its_status_and_can_be_deleted(
    ann: Program, app: Flask, columns: dict[str, Any], status: str
) -> None:
    with app.app_context():
        user = db.session.scalars(db.select(User).where(User.email == EMAIL)).one()
        make_token(user, db.session.get_one(Server, 1), **columns)

    assert ann.get(PATH).json["status"] == status
    assert [item["id"] for item in ann.get("/api/mcp-servers?status=attention").json["items"]] == [1]
    assert ann.delete(PATH).status_code == 204
