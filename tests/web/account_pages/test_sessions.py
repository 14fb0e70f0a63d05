"""Settings, Sessions: where I am signed in, and how that ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from app import clock, create_app
from app.extensions import db
from app.models import AuditEvent, LoginSession
from tests import databases
from tests.canary import CANARY
from tests.factories import PASSWORD, make_server, make_user
from tests.pages import Page, PageClient
from tests.web.account_pages.conftest import EMAIL, another_browser
from tests.web.api.conftest import Program, assert_problem

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def session_ids(app: Flask) -> list[int]:
    with app.app_context():
        return list(db.session.scalars(db.select(LoginSession.id).order_by(LoginSession.id)))


def test_each_session_is_shown_with_agent_and_address_and_nothing_of_the_cookie(
    app: Flask, ann: PageClient
) -> None:
    elsewhere = another_browser(app)
    elsewhere.environ_base |= {"HTTP_USER_AGENT": FIREFOX, "REMOTE_ADDR": "203.0.113.7"}
    elsewhere.sign_in(EMAIL, PASSWORD)

    page = ann.get_page("/settings/sessions")

    assert "Firefox on Linux" in page.text
    assert "203.0.113.7" in page.text
    assert page.text.count("This one") == 1
    cookie = ann.get_cookie("session")
    assert cookie is not None
    with app.app_context():
        for row in db.session.scalars(db.select(LoginSession)):
            assert row.session_hash not in str(page.elements)


def test_one_can_be_ended_and_the_others_stay(app: Flask, ann: PageClient) -> None:
    second, third = another_browser(app), another_browser(app)
    second.sign_in(EMAIL, PASSWORD)
    third.sign_in(EMAIL, PASSWORD)
    of_second = session_ids(app)[1]

    answer = ann.submit(ann.get_page("/settings/sessions").form(f"/settings/sessions/{of_second}/end"))

    assert answer.location == "/settings/sessions"
    assert second.get("/settings/tokens").status_code == 303
    assert third.get("/settings/tokens").status_code == 200
    assert ann.get("/settings/tokens").status_code == 200


def test_ending_this_one_signs_out(app: Flask, ann: PageClient) -> None:
    (own,) = session_ids(app)

    answer = ann.submit(ann.get_page("/settings/sessions").form(f"/settings/sessions/{own}/end"))

    assert answer.location == "/login"
    assert ann.get("/settings/tokens").status_code == 303


def test_all_others_can_be_ended_at_once(app: Flask, ann: PageClient) -> None:
    others = [another_browser(app) for _ in range(3)]
    for other in others:
        other.sign_in(EMAIL, PASSWORD)

    form = ann.get_page("/settings/sessions").form("/settings/sessions/end-others")
    answer = ann.submit(form)

    assert answer.status_code == 303
    assert "Signed out in 3 places." in ann.get_page("/settings/sessions").text
    assert {other.get("/settings/tokens").status_code for other in others} == {303}


def test_what_is_over_or_not_mine_is_not_there(app: Flask, ann: PageClient) -> None:
    with app.app_context():
        make_user("bob@example.com")
    bob = another_browser(app)
    bob.sign_in("bob@example.com", PASSWORD)
    of_bob = session_ids(app)[1]
    form = ann.get_page("/settings/sessions").form(f"/settings/sessions/{session_ids(app)[0]}/end")

    for number in (of_bob, of_bob + 1, 2**31 - 1):
        answer = ann.post(f"/settings/sessions/{number}/end", data=form.values)
        assert answer.status_code == 404

    assert bob.get("/settings/tokens").status_code == 200
    with app.app_context():
        actions = db.session.scalars(db.select(AuditEvent.action)).all()
        assert "session.ended" not in actions


def test_signing_in_again_in_one_browser_leaves_one_session(app: Flask, ann: PageClient) -> None:
    form = another_browser(app).get_page("/login").form("/login")
    assert form.values["csrf_token"]
    own = ann.get_page("/settings/sessions").find("input", name="csrf_token")[0].attributes["value"]

    ann.post("/login", data={"csrf_token": own, "email": EMAIL, "password": PASSWORD})

    assert len(session_ids(app)) == 1


def test_a_form_sent_after_the_end_leads_back_to_it_with_the_token_field_empty(
    app: Flask, ann: PageClient, time_machine: object
) -> None:
    with app.app_context():
        server_id = make_server().id
    path = f"/settings/tokens/{server_id}"
    form = ann.get_page(path).form(path)
    time_machine.move_to(clock.now() + timedelta(hours=3))  # type: ignore[attr-defined]

    answer = ann.submit(form, token=CANARY, expires_in="30")

    assert answer.status_code == 303
    sign_in = ann.get_page(answer.location)
    assert "Your session has ended, so nothing was changed." in sign_in.text
    back = ann.submit(sign_in.form("/login"), email=EMAIL, password=PASSWORD)
    values = ann.get_page(back.location).form(path).values
    assert (values["token"], values["expires_in"]) == ("", "30")


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/settings/sessions/1/end", "/settings/sessions"),
        ("/settings/sessions/end-others", "/settings/sessions"),
        ("/settings/tokens/1/delete", "/settings/tokens/1/delete"),
        ("/playground/7", "/playground/7"),
        ("/logout", None),
    ],
)
def test_whatever_form_it_was_one_comes_back_to_a_page_that_can_be_shown(
    client: PageClient, path: str, page: str | None
) -> None:
    answer = client.post(path, data={"token": CANARY, "expires_in": "x" * 5000, "password": "hunter2hunter2"})

    assert answer.status_code == 303
    assert answer.location == (
        "/login" if page is None else f"/login?next={page.replace('/', '%2F')}".replace("%2F", "/")
    )
    assert "hunter2" not in answer.location


def test_sessions_end_when_the_settings_say_so(database_url: str, time_machine: object) -> None:
    app = create_app(
        {
            "TESTING": True,
            "SQLALCHEMY_DATABASE_URI": database_url,
            "SESSION_IDLE_MINUTES": 5,
            "SESSION_ABSOLUTE_MINUTES": 12,
        }
    )
    with app.app_context():
        make_user(EMAIL)
    program = Program(app)
    assert program.sign_in(EMAIL, PASSWORD).status_code == 200
    started = clock.now()

    answers = []
    for minutes in (4, 8, 11, 13):
        time_machine.move_to(started + timedelta(minutes=minutes))  # type: ignore[attr-defined]
        answers.append(program.get("/api/session").status_code)
    program.sign_in(EMAIL, PASSWORD)
    time_machine.move_to(clock.now() + timedelta(minutes=6))  # type: ignore[attr-defined]
    idle = program.get("/api/session")

    databases.dispose(app)
    assert answers == [200, 200, 200, 401]
    assert_problem(idle, 401, "not_signed_in")


def test_signing_out_clears_what_the_browser_kept(app: Flask, ann: PageClient) -> None:
    page = ann.submit(ann.get_page("/settings/tokens").form("/logout"))
    program = Program(app)
    program.sign_in(EMAIL, PASSWORD)
    by_program = program.delete("/api/session")

    for answer in (page, by_program):
        assert '"cache"' in answer.headers["Clear-Site-Data"]
        assert '"storage"' in answer.headers["Clear-Site-Data"]


def test_cookies_are_for_this_site_and_not_for_scripts(ann: PageClient, app: Flask) -> None:
    answer = ann.submit(
        Page(another_browser(app).get("/login").text).form("/login"), email=EMAIL, password=PASSWORD
    )
    del answer
    other = another_browser(app)
    signed_in = other.submit(other.get_page("/login").form("/login"), email=EMAIL, password=PASSWORD)

    cookies = signed_in.headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {"session", "browser"}
    for cookie in cookies:
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie
        assert EMAIL not in cookie
