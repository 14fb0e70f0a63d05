"""Settings, Account: every change wants the password, and says what it did."""

from __future__ import annotations

import pytest
from flask import Flask

from app.extensions import db
from app.models import AuditEvent, Token, User
from app.services import accounts
from tests.factories import ACTOR, PASSWORD, make_password_link, make_server, make_token, make_user
from tests.pages import Page, PageClient
from tests.web.account_pages.conftest import EMAIL, another_browser

NEW_PASSWORD = "another sentence, longer"
WRONG = "wrong horse battery"


def errors_in(text: str) -> list[str]:
    return [one.text.strip() for one in Page(text).find("p", class_="error")]


def actions(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(db.select(AuditEvent.action).order_by(AuditEvent.id)))


def change_password(client: PageClient, current: str, new: str) -> object:
    form = client.get_page("/settings/account/password").form("/settings/account/password")
    return client.submit(form, current_password=current, password=new)


def test_the_new_password_signs_in_and_the_old_one_does_not(app: Flask, ann: PageClient) -> None:
    change_password(ann, PASSWORD, NEW_PASSWORD)

    assert "Your password is changed" in ann.get_page("/settings/account").text
    assert actions(app)[-1] == "password.changed"
    other = another_browser(app)
    assert (
        other.submit(other.get_page("/login").form("/login"), email=EMAIL, password=PASSWORD).status_code
        == 401
    )
    other.sign_in(EMAIL, NEW_PASSWORD)


@pytest.mark.parametrize(
    ("current", "new", "said"),
    [
        (WRONG, NEW_PASSWORD, "This is not your password."),
        (PASSWORD, "short", "Use at least 12 characters."),
        (PASSWORD, "p" * 129, "Use at most 128 characters."),
        (PASSWORD, PASSWORD, "This is the password you have."),
        (PASSWORD, "password1234", "among the first"),
        (PASSWORD, "ann@example.com", "among the first"),
        (PASSWORD, "mcpmarketmcpmarket", "among the first"),
        ("", "", "Write"),
    ],
)
def test_a_password_that_cannot_be_says_why_and_changes_nothing(
    app: Flask, ann: PageClient, current: str, new: str, said: str
) -> None:
    answer = change_password(ann, current, new)

    assert answer.status_code == 422  # type: ignore[attr-defined]
    assert said in errors_in(answer.text)[0]  # type: ignore[attr-defined]
    another_browser(app).sign_in(EMAIL, PASSWORD)


def test_a_long_password_of_any_characters_may_be_pasted(app: Flask, ann: PageClient) -> None:
    pasted = "가나다라 마바사 \u00e9\u0301 🔑 " + "x" * 40

    change_password(ann, PASSWORD, pasted)

    another_browser(app).sign_in(EMAIL, pasted)
    page = ann.get_page("/settings/account/password")
    assert not [one for one in page.find("input") if one.attributes.get("onpaste")]


def test_the_email_can_be_changed_and_signs_in_from_then_on(app: Flask, ann: PageClient) -> None:
    form = ann.get_page("/settings/account/email").form("/settings/account/email")

    ann.submit(form, email=" Ann.New@Example.com ", password=PASSWORD)

    assert "ann.new@example.com" in ann.get_page("/settings/account").text
    assert actions(app)[-1] == "account.email_changed"
    another_browser(app).sign_in("ann.new@example.com", PASSWORD)


@pytest.mark.parametrize(
    ("email", "password", "said"),
    [
        ("new@example.com", WRONG, "This is not your password."),
        ("not an address", PASSWORD, "This is not an email address."),
        ("ＢＯＢ@example.com", PASSWORD, "There is an account with this email address already."),
    ],
)
def test_an_email_that_cannot_be_changes_nothing(
    app: Flask, ann: PageClient, email: str, password: str, said: str
) -> None:
    with app.app_context():
        make_user("bob@example.com")

    form = ann.get_page("/settings/account/email").form("/settings/account/email")
    answer = ann.submit(form, email=email, password=password)

    assert answer.status_code == 422
    assert said in errors_in(answer.text)[0]
    assert EMAIL in ann.get_page("/settings/account").text


def test_a_link_for_the_old_address_opens_nothing_after_a_change(app: Flask, ann: PageClient) -> None:
    with app.app_context():
        codes = [make_password_link(EMAIL)]
    form = ann.get_page("/settings/account/email").form("/settings/account/email")
    ann.submit(form, email="new@example.com", password=PASSWORD)
    with app.app_context():
        codes.append(make_password_link("new@example.com"))
    change_password(ann, PASSWORD, NEW_PASSWORD)

    assert [ann.get(f"/reset-password/{code}").status_code for code in codes] == [404, 404]


def test_deleting_says_what_goes_and_takes_it(app: Flask, ann: PageClient) -> None:
    with app.app_context():
        user = db.session.scalars(db.select(User)).one()
        for name in ("One", "Two"):
            make_token(user, make_server(name))
    page = ann.get_page("/settings/account/delete")
    assert "2 saved tokens" in page.text
    assert "not revoked" in " ".join(page.text.split())

    refused = ann.submit(page.form("/settings/account/delete"), password=WRONG)
    done = ann.submit(page.form("/settings/account/delete"), password=PASSWORD)

    assert refused.status_code == 422
    assert done.location == "/login"
    assert "Your account is deleted, with 2 tokens." in ann.get_page("/login").text
    with app.app_context():
        assert db.session.scalar(db.select(db.func.count(Token.id))) == 0
    assert actions(app)[-1] == "account.deleted"


def test_the_last_admin_stays(app: Flask, client: PageClient) -> None:
    with app.app_context():
        make_user("carol@example.com", admin=True)
        make_user("dora@example.com", admin=True)
        accounts.set_active("dora@example.com", False, ACTOR)
    client.sign_in("carol@example.com", PASSWORD)
    form = client.get_page("/settings/account/delete").form("/settings/account/delete")

    answer = client.submit(form, password=PASSWORD)

    assert answer.status_code == 409
    assert "Make somebody else an admin first." in answer.text
    assert client.get("/admin/users").status_code == 200


def test_guessing_the_password_from_a_session_that_was_found_open_is_slowed_down(
    app: Flask, ann: PageClient
) -> None:
    form = ann.get_page("/settings/account/delete").form("/settings/account/delete")

    statuses = [ann.submit(form, password=WRONG).status_code for _ in range(5)]
    held = ann.submit(form, password=PASSWORD)

    assert statuses == [422] * 5
    assert held.status_code == 429
    assert 1 <= int(held.headers["Retry-After"]) <= 30
    # Whose account it is signs in elsewhere, and works on.
    another_browser(app).sign_in(EMAIL, PASSWORD)
    assert ann.get("/settings/tokens").status_code == 200


def test_every_page_of_the_account_forbids_to_be_kept(ann: PageClient) -> None:
    for path in ("", "/email", "/password", "/delete", "/totp"):
        assert ann.get(f"/settings/account{path}").headers["Cache-Control"] == "no-store"
