"""A cookie of a session that is over opens nothing, however it ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app.extensions import db
from app.models import User
from app.services import accounts
from tests.factories import ACTOR, PASSWORD, make_password_link, make_user
from tests.pages import PageClient
from tests.web.api.conftest import Program, assert_problem

EMAIL = "ann@example.com"
NEW_PASSWORD = "another sentence, longer"


def sign_out(_app: Flask, client: PageClient) -> None:
    client.submit(client.get_page("/settings/tokens").form("/logout"))


def sign_out_elsewhere(app: Flask, _client: PageClient) -> None:
    other = app.test_client()
    assert isinstance(other, PageClient)
    other.sign_in(EMAIL, PASSWORD)
    form = other.get_page("/settings/sessions").form("/settings/sessions/end-others")
    assert other.submit(form).status_code == 303


def change_password(_app: Flask, client: PageClient) -> None:
    form = client.get_page("/settings/account/password").form("/settings/account/password")
    assert client.submit(form, current_password=PASSWORD, password=NEW_PASSWORD).status_code == 303


def reset_password(app: Flask, client: PageClient) -> None:
    with app.app_context():
        code = make_password_link(EMAIL)
    path = f"/reset-password/{code}"
    assert client.submit(client.get_page(path).form(path), password=NEW_PASSWORD).status_code == 303


def disable(app: Flask, _client: PageClient) -> None:
    with app.app_context():
        accounts.set_active(EMAIL, False, ACTOR)


def disable_and_enable(app: Flask, client: PageClient) -> None:
    disable(app, client)
    with app.app_context():
        accounts.set_active(EMAIL, True, ACTOR)


def delete_own_account(_app: Flask, client: PageClient) -> None:
    form = client.get_page("/settings/account/delete").form("/settings/account/delete")
    assert client.submit(form, password=PASSWORD).status_code == 303


def delete_and_sign_up_again(app: Flask, client: PageClient) -> None:
    delete_own_account(app, client)
    with app.app_context():
        make_user(EMAIL)
        make_user("bob@example.com")


def by_raw_sql(app: Flask, _client: PageClient) -> None:
    with app.app_context():
        db.session.execute(db.text("UPDATE users SET is_active = false"))
        db.session.commit()


ENDS = [
    sign_out,
    sign_out_elsewhere,
    change_password,
    reset_password,
    disable,
    disable_and_enable,
    delete_own_account,
    delete_and_sign_up_again,
    by_raw_sql,
]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_a_copy_of_the_cookie_is_refused_afterwards(
    app: Flask, client: PageClient, end: Callable[[Flask, PageClient], None]
) -> None:
    with app.app_context():
        make_user(EMAIL)
    client.sign_in(EMAIL, PASSWORD)
    cookie = client.get_cookie("session")
    assert cookie is not None

    end(app, client)

    thief = app.test_client()
    thief.set_cookie("session", cookie.value)
    page = thief.get("/settings/tokens")
    assert (page.status_code, page.location.partition("?")[0]) == (303, "/login")
    assert_problem(thief.get("/api/session"), 401, "not_signed_in")


def test_whoever_changed_the_password_stays_signed_in_with_a_new_cookie(
    app: Flask, client: PageClient
) -> None:
    with app.app_context():
        make_user(EMAIL)
    client.sign_in(EMAIL, PASSWORD)
    before = client.get_cookie("session")

    change_password(app, client)

    after = client.get_cookie("session")
    assert before is not None and after is not None and before.value != after.value
    assert client.get("/settings/account").status_code == 200


def test_a_role_that_is_taken_away_is_gone_with_the_next_request(app: Flask, client: PageClient) -> None:
    with app.app_context():
        make_user(EMAIL, admin=True)
    client.sign_in(EMAIL, PASSWORD)
    assert client.get("/admin/users").status_code == 200

    with app.app_context():
        db.session.execute(db.update(User).values(role="user"))
        db.session.commit()

    assert client.get("/admin/users").status_code == 404


def test_a_cookie_of_another_key_or_none_at_all_opens_nothing(app: Flask, client: PageClient) -> None:
    with app.app_context():
        make_user(EMAIL)
    program = Program(app)
    program.sign_in(EMAIL, PASSWORD)
    cookie = program.client.get_cookie("session")
    assert cookie is not None

    for value in ("", "x", cookie.value[:-1], cookie.value + "x", cookie.value[::-1], "." * 4000):
        client.set_cookie("session", value)
        assert client.get("/settings/tokens").status_code == 303
