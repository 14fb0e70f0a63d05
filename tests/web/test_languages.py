"""Korean and English: whose choice counts, the switch on every page, and times and forms in each."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from app import clock
from app.extensions import db
from app.models import AuditEvent, User
from app.services import invitations
from tests.factories import ACTOR, PASSWORD, make_server, make_token, make_user
from tests.pages import Page, PageClient
from tests.web.api.conftest import Program

KOREAN = {"Accept-Language": "ko-KR,ko;q=0.9,en;q=0.5"}
EMAIL = "ann@example.com"


@pytest.fixture
def ann(app: Flask) -> str:
    with app.app_context():
        return make_user(EMAIL).email


def language_of(client: PageClient, path: str, headers: dict[str, str] | None = None) -> str:
    """Return the language of a page, which has to say the same everywhere."""
    answer = client.get(path, headers=headers or {})
    (root,) = Page(answer.text).find("html")
    assert answer.headers["Content-Language"] == root.attributes["lang"]
    assert {"accept-language", "cookie"} <= {name.lower() for name in answer.vary}
    return root.attributes["lang"]


def switch(client: PageClient, language: str, path: str = "/login", status: int = 200) -> None:
    """Press the button in the header of a page."""
    answer = client.submit(client.get_page(path, status).form("/language"), language=language)
    assert answer.status_code == 303


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_visitor_reads_the_language_of_the_browser_until_they_choose_one(client: PageClient) -> None:
    assert language_of(client, "/login") == "en"
    assert language_of(client, "/login", KOREAN) == "ko"
    assert language_of(client, "/login", {"Accept-Language": "fr-FR, de"}) == "en"

    switch(client, "ko")

    assert language_of(client, "/login", {"Accept-Language": "en-US"}) == "ko"
    switch(client, "en")
    assert language_of(client, "/login", KOREAN) == "en"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_switch_names_the_other_language_in_its_own_words_on_error_pages_too(client: PageClient) -> None:
    for path, status in (("/login", 200), ("/sign-up", 200), ("/nothing", 404), ("/login?token=x", 400)):
        (button,) = client.get_page(path, status).find("button", name="language")
        assert (button.text, button.attributes["lang"], button.attributes["value"]) == ("한국어", "ko", "ko")

    switch(client, "ko", "/nothing", 404)

    page = client.get_page("/nothing", 404)
    assert [button.text for button in page.find("button", name="language")] == ["English"]
    assert "페이지가 없거나" in page.text


def test_an_accounts_choice_holds_in_every_browser_and_is_no_event(
    app: Flask, client: PageClient, ann: str
) -> None:
    client.sign_in(ann, PASSWORD)
    with app.app_context():
        before = db.session.scalar(db.select(db.func.count()).select_from(AuditEvent))

    switch(client, "ko", "/settings/tokens")

    other = app.test_client()
    assert isinstance(other, PageClient)
    other.sign_in(ann, PASSWORD)
    assert language_of(other, "/settings/tokens", {"Accept-Language": "en-US"}) == "ko"
    with app.app_context():
        assert db.session.scalar(db.select(User.locale)) == "ko"
        # The second sign-in alone.
        assert db.session.scalar(db.select(db.func.count()).select_from(AuditEvent)) == before + 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("has", "chosen", "then"), [(None, "ko", "ko"), ("en", "ko", "en"), (None, None, None)]
)
def test_what_was_chosen_before_the_sign_in_is_the_accounts_when_it_has_none(
    app: Flask, client: PageClient, ann: str, has: str | None, chosen: str | None, then: str | None
) -> None:
    with app.app_context():
        db.session.execute(db.update(User).values(locale=has))
        db.session.commit()
    if chosen:
        switch(client, chosen)

    client.sign_in(ann, PASSWORD)

    with app.app_context():
        assert db.session.scalar(db.select(User.locale)) == then
    assert language_of(client, "/settings/tokens") == (then or "en")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("asks", "then"), [("ko-KR", "ko"), ("fr", None)])
def test_who_makes_an_account_is_written_to_as_they_read(
    app: Flask, client: PageClient, asks: str, then: str | None
) -> None:
    form = client.get_page("/sign-up").form("/sign-up")

    client.post(
        "/sign-up",
        data=form.values | {"email": EMAIL, "password": PASSWORD},
        headers={"Accept-Language": asks},
    )

    with app.app_context():
        assert db.session.scalar(db.select(User.locale)) == then


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_is_invited_is_written_to_as_they_read(app: Flask, client: PageClient) -> None:
    with app.app_context():
        path = f"/reset-password/{invitations.invite(EMAIL, 'user', ACTOR)[0].code}"
    switch(client, "ko")

    assert client.submit(client.get_page(path).form(path), password=PASSWORD).status_code == 303

    with app.app_context():
        assert db.session.scalar(db.select(User.locale)) == "ko"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_but_a_form_with_a_language_that_there_is_changes_it(client: PageClient) -> None:
    form = client.get_page("/login").form("/language")

    got = client.get("/language", query_string={"language": "ko"})
    made_up = client.submit(form, language="../ko")
    without_one = client.submit(form)
    client.set_cookie("language", "xx")

    assert (got.status_code, made_up.status_code, without_one.status_code) == (405, 400, 400)
    assert language_of(client, "/login") == "en"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("referrer", "back"),
    [
        (None, "/"),
        ("http://localhost/login?next=/settings/tokens", "/login?next=/settings/tokens"),
        ("http://localhost/settings/tokens?q=git&status=saved", "/settings/tokens?q=git&status=saved"),
        # What was an answer to a form, what is not there, and what is no page.
        ("http://localhost/settings/tokens/7/check", "/settings/tokens/7"),
        ("http://localhost/nothing/at/all?q=x", "/"),
        ("http://localhost/static/favicon.svg", "/"),
        # A secret does not travel on.
        ("http://localhost/login?next=/&Token=abcdefgh", "/login"),
        ("https://evil.example/login", "/"),
        ("http://localhost.evil.example/login", "/"),
        ("http://localhost//evil.example/login", "/"),
        ("http://localhost/%0d%0aSet-Cookie:x", "/"),
    ],
)
def test_the_switch_leads_back_to_the_page_it_stands_on_and_to_no_other_site(
    client: PageClient, referrer: str | None, back: str
) -> None:
    form = client.get_page("/login").form("/language")

    answer = client.post(
        "/language",
        data=form.values | {"language": "ko"},
        headers={"Referer": referrer} if referrer else {},
    )

    assert (answer.status_code, answer.location) == (303, back)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_program_reads_its_messages_in_the_language_it_asks_for(app: Flask, ann: str) -> None:
    with app.app_context():
        server_id = make_server().id
    program = Program(app)
    program.sign_in()
    path = f"/api/mcp-servers/{server_id}/auth-token"

    again = program.post(path, {"token": "****"})
    program.headers |= KOREAN
    refused = program.post(path, {"token": "****"})
    saved = program.post(path, {"token": "made-up-token-of-ann-0001"})

    assert refused.json["errors"]["token"] == [
        "가려진 표시일 뿐 토큰이 아닙니다. 받은 토큰을 그대로 붙여 넣으세요."
    ]
    assert (saved.json["message"], saved.headers["Content-Language"]) == ("토큰을 저장했습니다", "ko")
    assert again.json["errors"]["token"][0].startswith("This is a mask")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_form_that_comes_back_says_why_in_korean(client: PageClient) -> None:
    switch(client, "ko")

    answer = client.submit(client.get_page("/login").form("/login"), email="a" * 400, password="")

    errors = [error.text for error in Page(answer.text).find("p", class_="error")]
    assert errors == ["최대 320자까지 입력할 수 있습니다.", "비밀번호를 입력하세요."]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_times_are_told_in_korean_with_the_exact_one_at_hand(
    app: Flask, client: PageClient, ann: str
) -> None:
    used = clock.now() - timedelta(days=3, minutes=5)
    with app.app_context():
        make_token(db.session.scalars(db.select(User)).one(), make_server(), last_used_at=used)
    client.sign_in(ann, PASSWORD)
    switch(client, "ko", "/settings/tokens")

    (time,) = [
        time for time in client.get_page("/settings/tokens").find("time") if time.text.strip() == "3일 전"
    ]

    assert time.attributes["datetime"] == used.isoformat()
    assert time.attributes["title"].startswith(f"{used.year}. {used.month}. {used.day}. ")
