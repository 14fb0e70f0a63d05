"""Databases that are locked, read-only, full or gone: 503 for what needs them, and all is well afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app import clock
from tests.canary import CANARY
from tests.faults.outages import OUTAGES, outage
from tests.faults.people import LONG_TOKEN, Person, assert_unavailable
from tests.pages import PageClient
from tests.web.api.conftest import EMAIL, Program

OTHER_TOKEN = "another-token-0123456789-" + CANARY
#: In all others, what is there can still be read.
GONE = "gone"
READABLE = [kind for kind in OUTAGES if kind != GONE]
PAGES_THAT_READ = (
    "/settings/tokens",
    "/settings/sessions",
    "/settings/account",
    "/settings/activity",
    "/playground",
    "/api/mcp-servers",
    "/api/session",
)


@pytest.mark.parametrize("kind", OUTAGES)
def test_a_save_is_refused_and_changes_nothing_and_works_when_it_is_over(
    app: Flask, ann: Person, kind: str
) -> None:
    before = ann.saved()
    form = ann.client.get_page(ann.token_page).form(ann.token_page)

    with outage(kind, app):
        assert_unavailable(ann.save(LONG_TOKEN))
        assert_unavailable(ann.client.submit(form, token=LONG_TOKEN))

    assert ann.saved() == before
    assert ann.save(LONG_TOKEN).status_code == 200
    assert ann.client.submit(form, token=OTHER_TOKEN).status_code == 303


@pytest.mark.parametrize("kind", OUTAGES)
def test_no_other_change_is_half_done_either(app: Flask, ann: Person, kind: str) -> None:
    before = ann.saved()
    pages = ("/settings/sessions/end-others", f"{ann.token_page}/delete", "/logout")

    with outage(kind, app):
        for path in pages:
            assert_unavailable(ann.client.post(path, headers=ann.program.headers))
        for path in (ann.token_path, "/api/session"):
            assert_unavailable(ann.program.delete(path))

    assert ann.saved() == before
    assert ann.program.delete(ann.token_path).status_code == 204
    assert ann.client.post("/logout", headers=ann.program.headers).status_code == 303


@pytest.mark.parametrize("kind", READABLE)
def test_pages_that_only_read_go_on_also_when_the_session_is_due_to_be_marked_as_seen(
    app: Flask, ann: Person, kind: str, time_machine: Any
) -> None:
    time_machine.move_to(clock.now() + timedelta(minutes=2))

    with outage(kind, app):
        for path in (*PAGES_THAT_READ, ann.token_page, ann.token_path, f"/playground/{ann.server_id}"):
            assert ann.client.get(path).status_code == 200, path

    assert ann.client.get("/settings/tokens").status_code == 200


@pytest.mark.parametrize("kind", READABLE)
def test_a_refusal_stands_when_it_cannot_be_recorded(app: Flask, ann: Person, kind: str) -> None:
    with outage(kind, app):
        hidden = ann.client.get("/admin/users")
        forged = ann.client.post(ann.token_page, data={"token": CANARY})

    assert (hidden.status_code, forged.status_code) == (404, 400)
    assert ann.client.get("/admin/users").status_code == 404


def test_when_it_is_gone_every_page_says_so_and_afterwards_everybody_is_still_signed_in(
    app: Flask, ann: Person
) -> None:
    with outage(GONE, app):
        for path in (*PAGES_THAT_READ, ann.token_page, ann.token_path, f"/playground/{ann.server_id}"):
            assert_unavailable(ann.client.get(path))

    for path in (*PAGES_THAT_READ, ann.token_page, ann.token_path, f"/playground/{ann.server_id}"):
        assert ann.client.get(path).status_code == 200, path


def test_what_needs_no_database_goes_on_whatever_happens_to_it(app: Flask, client: PageClient) -> None:
    for kind in OUTAGES:
        with outage(kind, app):
            for path in ("/healthz", "/login", "/api/openapi.json", "/static/favicon.svg"):
                assert client.get(path, buffered=True).status_code == 200, (kind, path)
            assert client.get("/nothing-here").status_code == 404


@pytest.mark.parametrize("kind", OUTAGES)
def test_signing_in_is_not_possible_and_is_not_held_against_anybody(
    app: Flask, ann: Person, kind: str
) -> None:
    browser = app.test_client()
    assert isinstance(browser, PageClient)
    form = browser.get_page("/login").form("/login")

    with outage(kind, app):
        assert_unavailable(Program(app).sign_in())
        # One more would have to wait, had these been failures.
        for _ in range(5):
            assert_unavailable(browser.submit(form, email=EMAIL, password="wrong horse battery"))

    assert browser.submit(form, email=EMAIL, password="wrong horse battery").status_code == 401
    assert Program(app).sign_in().status_code == 200
