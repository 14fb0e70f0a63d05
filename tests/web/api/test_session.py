"""Signing in and out by JSON."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.factories import PASSWORD, make_user
from tests.pages import PageClient
from tests.web.api.conftest import EMAIL, Program, assert_problem

CREDENTIALS = {"email": EMAIL, "password": PASSWORD}


def test_signing_in_says_who_i_am_and_what_to_send_with_changes(ann: Program) -> None:
    answer = ann.get("/api/session")

    assert answer.status_code == 200
    assert answer.json.keys() == {"email", "display_name", "role", "csrf_token"}
    assert (answer.json["email"], answer.json["role"]) == (EMAIL, "user")
    assert answer.json["csrf_token"]


@pytest.mark.parametrize(
    "body",
    [
        {"email": EMAIL, "password": "wrong horse battery"},
        {"email": "nobody@example.com", "password": PASSWORD},
        {"email": "no address", "password": PASSWORD},
        {"email": "", "password": ""},
        {"email": EMAIL, "password": "x" * 60_000},
    ],
)
def test_a_failed_sign_in_does_not_tell_why(ann: Program, stranger: PageClient, body: dict[str, str]) -> None:
    answer = stranger.post("/api/session", json=body)

    document = assert_problem(answer, 401, "sign_in_failed")
    assert document.keys() == {"type", "title", "status", "detail", "code", "request_id"}
    assert "Set-Cookie" not in answer.headers


def test_a_disabled_person_cannot_sign_in(app: Flask, stranger: PageClient) -> None:
    from app.services import accounts
    from tests.factories import ACTOR

    with app.app_context():
        make_user(EMAIL)
        accounts.set_active(EMAIL, False, ACTOR)

    assert_problem(stranger.post("/api/session", json=CREDENTIALS), 401, "sign_in_failed")


def test_signing_in_makes_a_new_session_and_ends_the_one_before(ann: Program, app: Flask) -> None:
    before = ann.client.get_cookie("session")
    assert before is not None
    token_before = ann.headers["X-CSRFToken"]

    assert ann.sign_in().status_code == 200

    after = ann.client.get_cookie("session")
    assert after is not None
    assert after.value != before.value
    assert ann.headers["X-CSRFToken"] != token_before
    thief = app.test_client()
    thief.set_cookie("session", before.value)
    assert_problem(thief.get("/api/session"), 401, "not_signed_in")


def test_a_cookie_planted_before_the_sign_in_does_not_get_in(ann: Program, app: Flask) -> None:
    planted = app.test_client()
    planted.get("/login")
    cookie = planted.get_cookie("session")
    assert cookie is not None

    victim = app.test_client()
    victim.set_cookie("session", cookie.value)
    assert victim.post("/api/session", json=CREDENTIALS).status_code == 200

    assert_problem(planted.get("/api/session"), 401, "not_signed_in")


def test_signing_out_kills_every_copy_of_the_cookie(ann: Program, app: Flask) -> None:
    cookie = ann.client.get_cookie("session")
    assert cookie is not None

    answer = ann.delete("/api/session")

    assert (answer.status_code, answer.data) == (204, b"")
    assert_problem(ann.get("/api/session"), 401, "not_signed_in")
    copy = app.test_client()
    copy.set_cookie("session", cookie.value)
    assert_problem(copy.get("/api/session"), 401, "not_signed_in")


def test_a_program_and_a_page_share_a_session(ann: Program) -> None:
    assert ann.client.get("/settings/tokens").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://[", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_foreign_page_cannot_sign_anybody_in(
    ann: Program, stranger: PageClient, headers: dict[str, str]
) -> None:
    answer = stranger.post("/api/session", json=CREDENTIALS, headers=headers)

    assert_problem(answer, 400, "csrf_failed")
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "http://localhost"}, {"Origin": "https://localhost", "Sec-Fetch-Site": "same-origin"}],
)
def test_a_program_or_our_own_page_can(ann: Program, stranger: PageClient, headers: dict[str, str]) -> None:
    assert stranger.post("/api/session", json=CREDENTIALS, headers=headers).status_code == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_what_a_foreign_form_can_send_is_not_json(
    ann: Program, stranger: PageClient, content_type: str | None
) -> None:
    body = b'{"email": "ann@example.com", "password": "correct horse battery"}'

    answer = stranger.post("/api/session", data=body, content_type=content_type)

    assert_problem(answer, 415, "unsupported_media_type")


def test_changes_over_https_need_the_header_and_no_referer(ann: Program) -> None:
    over_tls = {"base_url": "https://localhost"}

    refused = ann.client.delete("/api/session", **over_tls)
    done = ann.client.delete("/api/session", headers=ann.headers, **over_tls)

    assert_problem(refused, 400, "csrf_failed")
    assert done.status_code == 204


@pytest.mark.parametrize("token", [None, "", "x", "canary", "ImFiYyI.aaaaaa.bbbbbb"])
def test_a_change_without_the_sessions_token_is_refused(ann: Program, token: str | None) -> None:
    answer = ann.client.delete("/api/session", headers={} if token is None else {"X-CSRFToken": token})

    assert_problem(answer, 400, "csrf_failed")
    assert ann.get("/api/session").status_code == 200


def test_another_sessions_token_is_refused(ann: Program, app: Flask) -> None:
    other = Program(app)
    other.sign_in()

    answer = ann.client.delete("/api/session", headers=other.headers)

    assert_problem(answer, 400, "csrf_failed")
