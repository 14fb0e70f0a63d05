from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.extensions import db
from app.models import LoginSession
from tests import databases
from tests.factories import PASSWORD, make_password_link, make_user
from tests.pages import Page, PageClient


@pytest.fixture
def person(app: Flask) -> str:
    with app.app_context():
        return make_user().email


def page_of(response: object) -> Page:
    return Page(response.get_data(as_text=True))  # type: ignore[attr-defined]


def test_signing_in_leads_to_the_tokens(client: PageClient, person: str) -> None:
    form = client.get_page("/login").form("/login")

    answer = client.submit(form, email=f" {person.upper()} ", password=PASSWORD)

    assert (answer.status_code, answer.location) == (303, "/settings/tokens")
    assert person in client.get_page("/settings/tokens").text


@pytest.mark.parametrize(
    ("email", "password"), [("ann@example.com", "wrong horse"), ("bob@example.com", PASSWORD)]
)
def test_a_failed_sign_in_says_the_same_whoever_it_was(
    client: PageClient, person: str, email: str, password: str
) -> None:
    answer = client.submit(client.get_page("/login").form("/login"), email=email, password=password)

    assert answer.status_code == 401
    page = page_of(answer)
    assert [alert.text.strip() for alert in page.find("div", role="alert")] == ["Email or password is wrong."]
    assert page.form("/login").values["email"] == email
    assert password not in answer.text


def test_empty_fields_are_asked_for_beside_them(client: PageClient, person: str) -> None:
    answer = client.submit(client.get_page("/login").form("/login"), email="", password="")

    assert answer.status_code == 422
    page = page_of(answer)
    wrong = [field for field in page.find("input") if field.attributes.get("aria-invalid")]
    assert [field.attributes["name"] for field in wrong] == ["email", "password"]


def test_one_comes_back_to_the_page_one_wanted_but_never_to_another_site(
    client: PageClient, person: str
) -> None:
    asked = client.get("/playground?q=git")
    assert asked.status_code == 303
    form = client.get_page(asked.location).form("/login")

    assert client.submit(form, email=person, password=PASSWORD).location == "/playground?q=git"


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil", ""]
)
def test_a_next_page_on_another_site_is_ignored(client: PageClient, person: str, elsewhere: str) -> None:
    form = Page(client.get("/login", query_string={"next": elsewhere}).text).form("/login")

    assert client.submit(form, email=person, password=PASSWORD).location == "/settings/tokens"


def test_signing_out_ends_the_session_for_every_copy_of_its_cookie(
    app: Flask, client: PageClient, person: str
) -> None:
    client.sign_in(person, PASSWORD)
    cookie = client.get_cookie("session")
    assert cookie is not None

    answer = client.submit(client.get_page("/settings/tokens").form("/logout"))

    assert answer.location == "/login"
    assert "You are signed out." in client.get_page("/login").text
    thief = app.test_client()
    thief.set_cookie("session", cookie.value)
    assert thief.get("/settings/tokens").status_code == 303
    with app.app_context():
        assert db.session.scalar(select(func.count(LoginSession.id))) == 0


def test_signing_up_makes_an_account_and_signs_in(client: PageClient) -> None:
    form = client.get_page("/sign-up").form("/sign-up")

    answer = client.submit(form, email="new@example.com", password=PASSWORD)

    assert (answer.status_code, answer.location) == (303, "/settings/tokens")
    assert "new@example.com" in client.get_page("/settings/tokens").text


@pytest.mark.parametrize(
    ("email", "password", "said"),
    [
        ("new@example.com", "short", "Use at least 12 characters."),
        ("not an address", PASSWORD, "This is not an email address."),
        ("ann@example.com", PASSWORD, "There is an account with this email address already."),
    ],
)
def test_a_sign_up_that_cannot_be_says_why_beside_the_field(
    client: PageClient, person: str, email: str, password: str, said: str
) -> None:
    answer = client.submit(client.get_page("/sign-up").form("/sign-up"), email=email, password=password)

    assert answer.status_code == 422
    assert any(said in one.text for one in page_of(answer).find("p", class_="error"))
    assert password not in answer.text


def test_with_registration_closed_there_is_no_sign_up_and_no_link_to_it(database_url: str) -> None:
    from app import create_app

    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": database_url, "REGISTRATION": "closed"})
    client = app.test_client()

    assert client.get("/sign-up").status_code == 404
    assert "/sign-up" not in client.get("/login").text
    databases.dispose(app)


def test_a_one_time_link_sets_a_password_once(app: Flask, client: PageClient, person: str) -> None:
    with app.app_context():
        code = make_password_link(person)
    path = f"/reset-password/{code}"

    too_short = client.submit(client.get_page(path).form(path), password="short")
    done = client.submit(client.get_page(path).form(path), password="a much better sentence")

    assert too_short.status_code == 422
    assert (done.status_code, done.location) == (303, "/login")
    assert client.get(path).status_code == 404
    client.sign_in(person, "a much better sentence")


def test_the_first_page_leads_on(client: PageClient, person: str) -> None:
    assert client.get("/").location == "/login"

    client.sign_in(person, PASSWORD)

    assert client.get("/").location == "/settings/tokens"
