"""An account that an admin disables, deletes or signs out while its password is being verified."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app.extensions import db
from app.models import AuditEvent, Token, User
from app.services import accounts, sessions, sign_in
from tests.factories import ACTOR, PASSWORD, make_server, make_token, make_user
from tests.pages import PageClient
from tests.web.account_pages.conftest import EMAIL

SETTINGS = "/settings"
#: Path below /settings → what is typed there besides the password.
ACTS = {
    "/account/email": {"email": "else@example.com"},
    "/account/password": {"current_password": PASSWORD, "password": "another-long-password-9"},
    "/account/delete": {},
    "/account/totp": {},
    "/account/totp/disable": {},
    "/account/totp/recovery-codes": {},
    "/tokens/delete-all": {},
    "/tokens/1/confirm-address": {"address": "https://new.example.com/mcp"},
}

Act = Callable[[User], None]
Arm = Callable[[Act], None]


def disable(user: User) -> None:
    accounts.set_active(user.email, False, ACTOR)


def delete(user: User) -> None:
    accounts.delete_account(user.email, ACTOR)


def sign_out(user: User) -> None:
    sessions.end_all_sessions(user.id, ACTOR)


@pytest.fixture
def while_verifying(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Arm:
    """Return what has this done to Ann, on another connection, while her next password is verified."""
    verify = sign_in.verify_password

    def arm(act: Act) -> None:
        def slowly(password_hash: str | None, password: str) -> bool:
            monkeypatch.setattr(sign_in, "verify_password", verify)
            with app.app_context():
                act(accounts.get_user(EMAIL))
            return verify(password_hash, password)

        monkeypatch.setattr(sign_in, "verify_password", slowly)

    return arm


def own(app: Flask) -> list[str]:
    """Return what Ann has done, as the ledger tells it."""
    with app.app_context():
        said = db.select(AuditEvent.action).where(AuditEvent.actor_id == 1).order_by(AuditEvent.id)
        return list(db.session.scalars(said))


def people_and_tokens(app: Flask) -> tuple[int | None, int | None]:
    with app.app_context():
        count = db.select(db.func.count())
        return db.session.scalar(count.select_from(User)), db.session.scalar(count.select_from(Token))


@pytest.fixture
def moved(app: Flask, ann: PageClient) -> None:
    """Ann holds a token that waits for its new address to be confirmed."""
    with app.app_context():
        user, server = accounts.get_user(EMAIL), make_server("Moved", url="https://new.example.com/mcp")
        make_token(user, server, "tok_made-up-for-this-test", bound_url="https://old.example.com/mcp")


@pytest.mark.usefixtures("moved")
@pytest.mark.parametrize("path", ACTS)
@pytest.mark.parametrize("act", [disable, delete, sign_out])
def test_nothing_is_done_for_somebody_who_is_a_stranger_by_then(
    app: Flask, ann: PageClient, while_verifying: Arm, path: str, act: Act
) -> None:
    csrf, before = ann.csrf_token(), own(app)
    while_verifying(act)

    answer = ann.post(SETTINGS + path, data={"password": PASSWORD, "csrf_token": csrf} | ACTS[path])

    if path == "/account/delete" and act is not delete:
        # They are, and nobody minds: it was their own account, and their password.
        assert people_and_tokens(app) == (0, 0)
        return
    assert answer.status_code == (404 if path == "/account/delete" else 303)
    assert own(app) == before
    assert ann.get("/settings/account").status_code == 303
    assert people_and_tokens(app) == ((0, 0) if act is delete else (1, 1))


@pytest.mark.usefixtures("moved")
@pytest.mark.parametrize("path", ACTS)
@pytest.mark.parametrize("act", [disable, delete, sign_out])
def test_a_wrong_password_is_no_fault_of_ours_either(
    app: Flask, ann: PageClient, while_verifying: Arm, path: str, act: Act
) -> None:
    csrf = ann.csrf_token()
    while_verifying(act)
    typed = {"password": "a-wrong-password"} | ACTS[path]
    if "current_password" in typed:
        typed["current_password"] = "a-wrong-password"

    answer = ann.post(SETTINGS + path, data=typed | {"csrf_token": csrf})

    assert answer.status_code == 422
    assert ann.get("/settings/account").status_code == 303
    assert people_and_tokens(app) == ((0, 0) if act is delete else (1, 1))


@pytest.mark.parametrize("act", [disable, delete])
def test_so_it_is_at_sign_in(app: Flask, client: PageClient, while_verifying: Arm, act: Act) -> None:
    with app.app_context():
        make_user(EMAIL)
    form = client.get_page("/login").form("/login")
    while_verifying(act)

    answer = client.submit(form, email=EMAIL, password=PASSWORD)

    assert answer.status_code == 401
    assert client.get("/settings/tokens").status_code == 303
