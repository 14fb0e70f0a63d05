"""The second factor: set up with an app, asked for at sign-in, got around by nobody."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta

import pyotp
import pytest
from flask import Flask

from app import clock
from app.extensions import db
from app.models import AuditEvent, RecoveryCode, TotpEnrolment
from app.services.keys import Keys, Secrets
from tests.factories import PASSWORD, make_user
from tests.pages import Page, PageClient
from tests.web.account_pages.conftest import EMAIL, another_browser
from tests.web.api.conftest import Program, assert_problem

TOTP = "/settings/account/totp"


class App:
    """An authenticator app: it has been given the secret."""

    def __init__(self, secret: str) -> None:
        self.totp = pyotp.TOTP(secret.replace(" ", ""))

    def code(self, steps: int = 0) -> str:
        return self.totp.generate_otp(int(clock.now().timestamp()) // 30 + steps)


def set_up(client: PageClient) -> tuple[App, list[str]]:
    client.submit(client.get_page(TOTP).form(TOTP), password=PASSWORD)
    page = client.get_page(TOTP)
    phone = App(page.find("code", class_="hint is-long")[0].text)
    answer = client.submit(page.form(TOTP), code=phone.code())
    assert answer.status_code == 200
    return phone, re.findall(r"<code>([a-z2-7-]{19})</code>", answer.text)


def sign_in(app: Flask, code: str, email: str = EMAIL) -> tuple[PageClient, int]:
    """Sign in in a new browser by password and this code; return the browser and the last status."""
    client = another_browser(app)
    first = client.submit(
        client.get_page("/login?next=/playground").form("/login"), email=email, password=PASSWORD
    )
    assert first.location == "/login/code?next=/playground"
    assert client.get("/settings/tokens").status_code == 303
    answer = client.submit(client.get_page(first.location).form("/login/code"), code=code)
    return client, answer.status_code


def actions(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(db.select(AuditEvent.action).order_by(AuditEvent.id)))


def later(time_machine: object, **how_long: int) -> None:
    time_machine.move_to(clock.now() + timedelta(**how_long))  # type: ignore[attr-defined]


def test_an_app_is_set_up_by_a_code_drawn_as_svg_and_confirmed_by_its_first_code(
    app: Flask, ann: PageClient
) -> None:
    ann.submit(ann.get_page(TOTP).form(TOTP), password=PASSWORD)
    page = ann.get_page(TOTP)
    (drawing,) = page.find("svg", class_="qr-code")
    assert "path" in {element.tag for element in page.elements if drawing in element.parents}
    assert "totp.enabled" not in actions(app)

    phone = App(page.find("code", class_="hint is-long")[0].text)
    assert ann.submit(page.form(TOTP), code="000000" if phone.code() != "000000" else "1").status_code == 422
    done = ann.submit(page.form(TOTP), code=phone.code())

    assert len(set(re.findall(r"<code>([a-z2-7-]{19})</code>", done.text))) == 10
    assert actions(app)[-1] == "totp.enabled"
    # Neither the secret nor the codes are shown again.
    assert not ann.get_page(TOTP).find("svg", class_="qr-code")
    assert "10 codes left" in ann.get_page(TOTP).text


def test_the_database_holds_neither_the_secret_nor_a_code(app: Flask, ann: PageClient) -> None:
    phone, codes = set_up(ann)

    with app.app_context():
        rows = [*db.session.scalars(db.select(TotpEnrolment)), *db.session.scalars(db.select(RecoveryCode))]
        kept = str([vars(row) for row in rows])
    assert phone.totp.secret not in kept
    assert not [code for code in codes if code in kept or code.replace("-", "") in kept]


def test_signing_in_wants_the_code_and_each_code_works_once(
    app: Flask, ann: PageClient, time_machine: object
) -> None:
    phone, _ = set_up(ann)
    assert sign_in(app, phone.code())[1] == 422, "the code that confirmed the set-up was used"

    later(time_machine, seconds=30)
    code = phone.code()
    client, status = sign_in(app, f" {code[:3]} {code[3:]} ")

    assert status == 303
    assert client.get("/settings/tokens").status_code == 200
    assert sign_in(app, code)[1] == 422


def test_a_clock_that_is_half_a_minute_off_is_forgiven_and_no_more(
    app: Flask, ann: PageClient, time_machine: object
) -> None:
    phone, _ = set_up(ann)
    later(time_machine, minutes=20)
    assert sign_in(app, phone.code(-2))[1] == 422
    assert sign_in(app, phone.code(2))[1] == 422

    assert sign_in(app, phone.code(-1))[1] == 303
    assert sign_in(app, phone.code(1))[1] == 303


def test_a_recovery_code_stands_in_once(app: Flask, ann: PageClient) -> None:
    _, codes = set_up(ann)

    assert sign_in(app, codes[0].upper())[1] == 303
    assert sign_in(app, codes[0])[1] == 422
    assert sign_in(app, codes[1].replace("-", ""))[1] == 303
    assert "8 codes left" in ann.get_page(TOTP).text


def test_new_recovery_codes_take_the_place_of_the_old_ones(app: Flask, ann: PageClient) -> None:
    _, old = set_up(ann)
    path = f"{TOTP}/recovery-codes"

    answer = ann.submit(ann.get_page(path).form(path), password=PASSWORD)

    new = re.findall(r"<code>([a-z2-7-]{19})</code>", answer.text)
    assert len(new) == 10 and not set(new) & set(old)
    assert sign_in(app, old[0])[1] == 422
    assert sign_in(app, new[0])[1] == 303


@pytest.mark.parametrize(
    "code", ["", "x", "12345", "0000000", "\u0661\u0662\u0663\u0664\u0665\u0666", "\ud800", "a" * 65]
)
def test_what_is_no_code_is_refused(app: Flask, ann: PageClient, code: str) -> None:
    set_up(ann)

    assert sign_in(app, code.encode(errors="replace").decode())[1] == 422


def test_guessing_codes_is_slowed_down_and_holds_up_nobody_who_is_known(
    app: Flask, ann: PageClient, time_machine: object
) -> None:
    phone, _ = set_up(ann)
    later(time_machine, minutes=1)
    thief = another_browser(app)
    thief.submit(thief.get_page("/login").form("/login"), email=EMAIL, password=PASSWORD)
    form = thief.get_page("/login/code").form("/login/code")

    statuses = [thief.submit(form, code="000000").status_code for _ in range(5)]
    held = thief.submit(form, code=phone.code())

    assert statuses == [422] * 5
    assert held.status_code == 429
    assert 1 <= int(held.headers["Retry-After"]) <= 30
    # Ann's own browser, after signing out.
    ann.submit(ann.get_page("/settings/tokens").form("/logout"))
    ann.submit(ann.get_page("/login").form("/login"), email=EMAIL, password=PASSWORD)
    assert ann.submit(ann.get_page("/login/code").form("/login/code"), code=phone.code()).status_code == 303


def test_a_sign_in_that_waits_too_long_starts_anew(app: Flask, ann: PageClient, time_machine: object) -> None:
    phone, _ = set_up(ann)
    client = another_browser(app)
    client.submit(client.get_page("/login").form("/login"), email=EMAIL, password=PASSWORD)
    form = client.get_page("/login/code").form("/login/code")

    later(time_machine, minutes=11)

    assert client.submit(form, code=phone.code()).location == "/login"
    assert client.get("/login/code").location == "/login"


def test_a_cookie_of_the_first_step_opens_nothing_by_itself(app: Flask, ann: PageClient) -> None:
    set_up(ann)
    client = another_browser(app)
    client.submit(client.get_page("/login").form("/login"), email=EMAIL, password=PASSWORD)

    for path in ("/settings/tokens", "/settings/account/totp", "/playground"):
        assert client.get(path).status_code == 303
    assert client.get("/api/session").status_code == 401


def test_programs_send_the_code_along(app: Flask, ann: PageClient, time_machine: object) -> None:
    phone, codes = set_up(ann)
    later(time_machine, minutes=1)
    program = Program(app)
    credentials = {"email": EMAIL, "password": PASSWORD}

    def send(**more: str) -> object:
        return program.client.post("/api/session", json=credentials | more)

    assert_problem(send(), 401, "code_required")  # type: ignore[arg-type]
    assert_problem(send(code="000000"), 422, "invalid")  # type: ignore[arg-type]
    assert_problem(send(password="wrong horse battery", code=phone.code()), 401, "sign_in_failed")  # type: ignore[arg-type]
    assert "Set-Cookie" not in send().headers  # type: ignore[attr-defined]
    assert send(code=phone.code()).status_code == 200  # type: ignore[attr-defined]
    assert send(code=codes[0]).status_code == 200  # type: ignore[attr-defined]


def test_it_can_be_turned_off_with_the_password(app: Flask, ann: PageClient) -> None:
    set_up(ann)
    path = f"{TOTP}/disable"

    assert ann.submit(ann.get_page(path).form(path), password="wrong horse battery").status_code == 422
    ann.submit(ann.get_page(path).form(path), password=PASSWORD)

    assert actions(app)[-1] == "totp.disabled"
    another_browser(app).sign_in(EMAIL, PASSWORD)
    with app.app_context():
        assert db.session.scalar(db.select(db.func.count(RecoveryCode.id))) == 0


def test_a_set_up_that_was_not_finished_asks_for_nothing_and_is_not_shown_for_ever(
    app: Flask, ann: PageClient, time_machine: object
) -> None:
    ann.submit(ann.get_page(TOTP).form(TOTP), password=PASSWORD)
    assert ann.get_page(TOTP).find("svg", class_="qr-code")
    another_browser(app).sign_in(EMAIL, PASSWORD)

    later(time_machine, minutes=61)

    assert not ann.get_page(TOTP).find("svg", class_="qr-code")


def test_an_admin_sees_who_has_it_and_resets_it_with_their_own_password(
    app: Flask, ann: PageClient, client: PageClient
) -> None:
    set_up(ann)
    with app.app_context():
        make_user("carol@example.com", admin=True)
        make_user("bob@example.com")
    carol = another_browser(app)
    carol.sign_in("carol@example.com", PASSWORD)
    page = carol.get_page("/admin/users")
    people = [a.attributes["href"] for a in page.find("a", class_="button") if "Open" in a.text]
    resets = [
        a.attributes["href"]
        for person in people
        for a in carol.get_page(person).find("a")
        if a.attributes["href"].endswith("/reset-totp")
    ]
    assert len(people) == 3
    (path,) = resets

    wrong = carol.submit(carol.get_page(path).form(path), password="wrong horse battery")
    done = carol.submit(carol.get_page(path).form(path), password=PASSWORD)

    assert (wrong.status_code, done.status_code) == (422, 303)
    another_browser(app).sign_in(EMAIL, PASSWORD)
    with app.app_context():
        event = db.session.scalars(db.select(AuditEvent).where(AuditEvent.action == "totp.reset")).one()
        assert (event.actor_name, event.subject_user_id) == ("carol@example.com", 1)


def test_whoever_must_have_one_can_do_nothing_else_before_it_is_set_up(app: Flask, ann: PageClient) -> None:
    program = Program(app)
    program.sign_in(EMAIL, PASSWORD)
    with app.app_context():
        make_user("carol@example.com", admin=True)
    carol = another_browser(app)
    carol.sign_in("carol@example.com", PASSWORD)
    path = "/admin/users/1/totp"
    assert carol.submit(carol.get_page(path).form(path), required="y", password="wrong").status_code == 422
    assert ann.get("/settings/tokens").status_code == 200
    carol.submit(carol.get_page(path).form(path), required="y", password=PASSWORD)

    for page in ("/settings/tokens", "/playground", "/settings/account", "/settings/sessions"):
        assert ann.get(page).location == TOTP
    assert_problem(program.get("/api/mcp-servers"), 409, "second_factor_missing")
    assert program.get("/api/session").status_code == 200

    set_up(ann)
    assert ann.get("/settings/tokens").status_code == 200
    off = f"{TOTP}/disable"
    refused = ann.submit(ann.get_page(off).form(off), password=PASSWORD)
    assert (refused.status_code, "cannot be turned off" in refused.text) == (422, True)
    assert actions(app).count("totp.required") == 1


def test_it_outlives_a_rotation_of_the_secret_and_waits_while_its_key_is_not_loaded(
    app: Flask, ann: PageClient, time_machine: object
) -> None:
    phone, codes = set_up(ann)
    later(time_machine, minutes=1)
    before = app.extensions["keys"]
    app.extensions["keys"] = Keys(Secrets(secrets.token_urlsafe(32)))

    # The app's codes cannot be compared now; recovery codes can.
    assert sign_in(app, phone.code())[1] == 503
    assert sign_in(app, codes[0])[1] == 303

    app.extensions["keys"] = before
    assert sign_in(app, phone.code())[1] == 303


def test_pages_of_the_set_up_hold_the_secret_only_where_it_is_shown(ann: PageClient) -> None:
    ann.submit(ann.get_page(TOTP).form(TOTP), password=PASSWORD)
    secret = ann.get_page(TOTP).find("code", class_="hint is-long")[0].text.replace(" ", "")

    for path in ("/settings/account", "/settings/sessions", "/settings/tokens"):
        assert secret not in Page(ann.get(path).text).text.replace(" ", "")
