"""The catalogue by JSON, and the token one person holds for each server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app import clock
from app.extensions import db
from app.models import Server, Token, User
from app.services.token_list import search_key
from tests.canary import CANARY, CANARY_HINT
from tests.factories import make_server, make_token, make_user
from tests.pages import PageClient
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

    fields = {"has_token", "hint", "status", "created_at", "updated_at", "last_used_at", "expires_at"}
    assert shown.keys() == fields
    assert (shown["has_token"], shown["hint"], shown["status"]) == (True, CANARY_HINT, "saved")
    assert (shown["last_used_at"], shown["expires_at"]) == (None, None)
    for name in ("created_at", "updated_at"):
        assert abs(clock.now() - datetime.fromisoformat(shown[name])) < timedelta(minutes=1)


def test_what_was_taken_off_the_paste_is_told(ann: Program) -> None:
    assert ann.post(PATH, {"token": f"Bearer {CANARY}"}).json["changed"] == ["scheme"]
    assert ann.post(PATH, {"token": f" {CANARY}\n"}).json.keys() == {"success", "message", "hint"}


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
        (f"{CANARY} {CANARY}", "characters"),
        (f"{CANARY}\n{CANARY}", "characters"),
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


def test_checking_is_not_possible_yet_and_says_so(ann: Program) -> None:
    assert ann.post(PATH, {"token": CANARY, "check": False}).status_code == 201

    for value, reason in ((True, "check_unavailable"), (0, "flag"), ("false", "flag"), (None, "flag")):
        document = assert_problem(ann.post(PATH, {"token": CANARY, "check": value}), 422, "invalid")
        assert (list(document["errors"]), document["reason"]) == (["check"], reason)


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


def test_a_disabled_server_is_there_only_to_delete_what_one_holds(ann: Program, app: Flask) -> None:
    ann.post(PATH, {"token": CANARY})
    with app.app_context():
        hidden = make_server("Hidden", is_enabled=False).id
        db.session.get_one(Server, 1).is_enabled = False
        db.session.commit()

    assert_problem(ann.post(PATH, {"token": CANARY}), 404, "not_found")
    assert ann.get(PATH).json["has_token"] is True
    assert [(item["id"], item["enabled"]) for item in ann.get("/api/mcp-servers").json["items"]] == [
        (1, False)
    ]
    assert_problem(ann.get(f"/api/mcp-servers/{hidden}/auth-token"), 404, "not_found")
    assert ann.delete(PATH).status_code == 204
    assert ann.get("/api/mcp-servers").json["items"] == []


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


def test_the_catalogue_comes_by_name_with_what_is_allowed_to_be_known(ann: Program, app: Flask) -> None:
    with app.app_context():
        make_server("Asana")
    ann.post(PATH, {"token": CANARY})

    answer = ann.get("/api/mcp-servers").json

    assert answer.keys() == {"items", "next"}
    assert [item["name"] for item in answer["items"]] == ["Asana", "GitHub"]
    assert answer["items"][1].keys() == {"id", "slug", "name", "url", "enabled", "token"}
    assert answer["items"][1]["token"] == ann.get(PATH).json


def test_pages_follow_each_other_without_gap_or_overlap(ann: Program, app: Flask) -> None:
    with app.app_context():
        for number in range(6):
            make_server(f"Server {number // 2}")

    seen: list[int] = []
    path = "/api/mcp-servers?limit=3"
    while path:
        page = ann.get(path).json
        assert len(page["items"]) <= 3
        seen += [item["id"] for item in page["items"]]
        path = f"/api/mcp-servers?limit=3&after={page['next']}" if page["next"] else ""

    assert len(seen) == len(set(seen)) == 7


def test_fifty_come_when_no_limit_is_given(ann: Program, app: Flask) -> None:
    with app.app_context():
        _add_servers(60)

    assert len(ann.get("/api/mcp-servers").json["items"]) == 50
    assert len(ann.get("/api/mcp-servers?limit=100").json["items"]) == 61
    assert len(ann.get("/api/mcp-servers?limit=1").json["items"]) == 1


def _add_servers(count: int) -> None:
    now = clock.now()
    db.session.add_all(
        Server(
            slug=f"many-{number}",
            name=f"Many {number}",
            url=f"https://many-{number}.example.com/mcp",
            created_at=now,
            updated_at=now,
            extra_headers={},
        )
        for number in range(count)
    )
    db.session.commit()


def test_search_and_status_narrow_the_list(ann: Program, app: Flask) -> None:
    with app.app_context():
        make_server("Straße 100%")
    ann.post(PATH, {"token": CANARY})

    def names(query: str) -> list[str]:
        return [item["name"] for item in ann.get(f"/api/mcp-servers?{query}").json["items"]]

    assert names("q=git") == ["GitHub"]
    assert names("q=STRASSE") == ["Straße 100%"]
    assert names("q=100%25") == ["Straße 100%"]
    assert names("q=_") == []
    assert names("status=saved") == ["GitHub"]
    assert names("status=none") == ["Straße 100%"]
    assert names("status=attention") == []
    assert names("q=&status=&after=") == ["GitHub", "Straße 100%"]
    assert search_key("Straße") == "strasse"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("q=%00", "q"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=", "limit"),
        ("limit=1_0", "limit"),
        ("limit=%D9%A1", "limit"),
        ("limit=1.0", "limit"),
        ("limit=99999999999999999999", "limit"),
        (f"limit={'9' * 5000}", "limit"),
        ("status=Saved", "status"),
        ("status=canary%2BZk3v9", "status"),
        ("after=x", "after"),
        ("after=%00", "after"),
        ("after=%F0%9F%94%91", "after"),
        ("after=bnVsbA", "after"),
        ("after=W10", "after"),
        ("after=WyJhIiwgMWUzMDld", "after"),
    ],
)
def test_a_query_that_means_nothing_is_refused_by_its_field(ann: Program, query: str, field: str) -> None:
    document = assert_problem(ann.get(f"/api/mcp-servers?{query}"), 422, "invalid")

    assert list(document["errors"]) == [field]


@pytest.mark.parametrize("name", ["token", "TOKEN", "mcp_auth_token", "access_token", "api_key", "password"])
def test_a_secret_in_the_address_is_refused_in_api_and_pages(
    ann: Program, stranger: PageClient, name: str
) -> None:
    value = {name: CANARY}

    for client in (ann.client, stranger):
        for path in ("/api/mcp-servers", PATH, "/api/session", "/api/nothing", "/api/openapi.json"):
            assert_problem(client.get(path, query_string=value), 400, "secret_in_url")
        assert client.get("/settings/tokens", query_string=value).status_code == 400
        assert client.get("/login", query_string=value).status_code == 400
    refused = ann.client.post(PATH, query_string=value, json={"token": CANARY}, headers=ann.headers)
    assert_problem(refused, 400, "secret_in_url")
    assert ann.get(PATH).json == {"has_token": False}


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
