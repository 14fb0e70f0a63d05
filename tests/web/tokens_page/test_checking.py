"""Checking and safe replacing, as a person does it: every state leads to *Accepted* by what the page says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from app import clock, create_app
from app.extensions import db
from app.models import LoginSession, Server, Token, User
from tests import databases
from tests.factories import PASSWORD, make_server, make_token, make_user
from tests.mcp_servers.gate import Gate
from tests.mcp_servers.running import Running, running
from tests.pages import Page, PageClient
from tests.web.playground_page.forms import tool_form

LIST = "/settings/tokens"
RIGHT = "right-token-0123456789"
WRONG = "wrong-token-9876543210"
GITHUB = "ghp_" + "Hn6c4Bd8Sf0Pj2Gu9c3d4"
DAY = timedelta(days=1)


@pytest.fixture
def gate() -> Gate:
    return Gate(RIGHT)


@pytest.fixture
def remote(gate: Gate) -> Iterator[Running]:
    with running(gate.asgi()) as server:
        yield server


@pytest.fixture
def app(database_url: str, remote: Running) -> Iterator[Flask]:
    given = {"SQLALCHEMY_DATABASE_URI": database_url, "EGRESS_ALLOW": (remote.host_port,)}
    app = create_app({"TESTING": True, **given})
    app.test_client_class = PageClient
    yield app
    databases.dispose(app)


def page_has_next_step(page: Page) -> bool:
    return bool(page.find("div", class_="notice is-info next-step"))


@dataclass
class Desk:
    """Ann in her browser, before the page of her token for one server."""

    app: Flask
    client: PageClient
    gate: Gate
    path: str

    def page(self) -> Page:
        return self.client.get_page(self.path)

    def send(self, path: str = "", **fields: str) -> Page:
        """Send the token's form, or with `path` to another button's address; return the page it leads to."""
        form = self.page().form(self.path)
        if "check" in fields and not fields["check"]:
            del form.values["check"], fields["check"]
        form.action = self.path + path
        answer = self.client.submit(form, **fields)
        return self.follow(answer)

    def follow(self, answer: Any) -> Page:
        if answer.status_code == 303:
            return self.client.get_page(answer.location)
        return Page(answer.text)

    def have(self, token: str = RIGHT, **columns: Any) -> None:
        with self.app.app_context():
            user, server = db.session.scalars(select(User)).one(), db.session.scalars(select(Server)).one()
            make_token(user, server, token, **columns)

    def row(self) -> Token | None:
        with self.app.app_context():
            return db.session.scalar(select(Token))

    def status(self) -> str:
        return badge(self.page())


def badge(page: Page) -> str:
    return words(next(one.text for one in page.find("span") if "badge" in one.attributes.get("class", "")))


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture
def desk(app: Flask, client: PageClient, gate: Gate, remote: Running) -> Desk:
    with app.app_context():
        user, server = make_user(), make_server("Gate", url=remote.url)
    client.sign_in(user.email, PASSWORD)
    return Desk(app, client, gate, f"{LIST}/{server.id}")


def test_saving_checks_first_and_says_what_was_found(desk: Desk) -> None:
    page = desk.send(token=RIGHT)

    assert "Token saved for Gate. Accepted: The server takes this token" in words(page.text)
    assert desk.status() == "Accepted"


def test_a_rejected_token_is_not_saved_and_the_form_says_how_to_save_it_nevertheless(desk: Desk) -> None:
    desk.have()

    page = desk.send(token=WRONG)

    assert "rejected this token (401), so it was not saved" in words(page.text)
    assert "paste it again and take the tick off the check" in words(page.text)
    assert WRONG not in page.text
    row = desk.row()
    assert row is not None and row.token_hint == "...6789"
    shown = list(desk.gate.shown)

    page = desk.send(token=WRONG, check="")

    assert "Token replaced for Gate." in page.text
    assert desk.gate.shown == shown
    row = desk.row()
    assert row is not None and row.token_hint == "...3210"


def test_what_was_deleted_during_the_check_stays_deleted_and_the_form_says_so(desk: Desk) -> None:
    desk.have()

    def delete() -> None:
        with desk.app.app_context():
            db.session.execute(db.delete(Token))
            db.session.commit()

    desk.gate.meanwhile = delete

    form = desk.page().form(desk.path)
    answer = desk.client.submit(form, token=RIGHT)

    assert answer.status_code == 409
    assert "So it was not saved; what is here now stays." in words(Page(answer.text).text)
    assert desk.row() is None


def test_who_was_signed_out_during_the_check_is_led_to_sign_in_and_nothing_is_saved(desk: Desk) -> None:
    def sign_out() -> None:
        with desk.app.app_context():
            db.session.execute(db.delete(LoginSession))
            db.session.commit()

    desk.gate.meanwhile = sign_out

    answer = desk.client.submit(desk.page().form(desk.path), token=RIGHT)

    assert answer.status_code == 303
    assert answer.location.startswith("/login?next=")
    assert "Your session has ended, so nothing was changed." in desk.client.get_page(answer.location).text
    assert desk.row() is None


def test_saved_unchecked_it_can_be_checked_by_one_press(desk: Desk) -> None:
    page = desk.send(token=RIGHT, check="")

    assert "Not checked since it was saved." in words(page.text)
    assert page_has_next_step(page)
    page = desk.follow(desk.client.submit(page.form(f"{desk.path}/check")))

    assert "Accepted: The server takes this token" in words(page.text)
    # It is offered once, not for ever.
    assert page_has_next_step(desk.client.get_page(LIST)) is False


def test_a_typed_token_is_checked_without_being_saved(desk: Desk) -> None:
    page = desk.send("/check", token=RIGHT)

    assert "The token you typed (nothing was saved): Accepted" in words(page.text)
    assert desk.row() is None


def test_checking_with_nothing_to_check_says_so(desk: Desk) -> None:
    assert "you have saved none" in words(desk.send("/check", token="").text)


def held(desk: Desk) -> None:
    """Save a token for another address than the one where the server is now."""
    with desk.app.app_context():
        here = db.session.scalars(select(Server.url)).one()
        db.session.execute(update(Server).values(url="https://old.example.com/mcp"))
        db.session.commit()
        desk.have()
        db.session.execute(update(Server).values(url=here))
        db.session.commit()


#: How a token comes into each state.
STATES: dict[str, Any] = {
    "No token": lambda desk: None,
    "Saved": lambda desk: desk.have(),
    "Rejected": lambda desk: desk.have(
        WRONG, last_check_result="rejected", last_check_reason="refused", last_check_at=clock.now()
    ),
    "Expired": lambda desk: desk.have(expires_at=clock.now() - DAY),
    "Expires in 3 days": lambda desk: desk.have(expires_at=clock.now() + 2.5 * DAY),
    "Cannot be read": lambda desk: desk.have(token_encrypted="damaged"),
}


@pytest.mark.parametrize("state", STATES)
def test_from_each_state_a_new_token_leads_to_accepted(desk: Desk, state: str) -> None:
    STATES[state](desk)
    if state == "Cannot be read":
        desk.send("/check", token="")
    assert desk.status() == state

    desk.send(token=RIGHT)

    assert desk.status() == "Accepted"


def test_a_mended_token_is_accepted_again_by_checking_it(desk: Desk) -> None:
    STATES["Rejected"](desk)
    desk.gate.accepted = {WRONG}

    desk.send("/check", token="")

    assert desk.status() == "Accepted"


def test_from_the_playground_one_replaces_a_rejected_token_and_comes_back(desk: Desk) -> None:
    desk.have(WRONG)
    here = desk.path.replace("/settings/tokens", "/playground")
    answer = desk.client.submit(desk.client.get_page(here).form(here))
    assert answer.status_code == 409
    shown = len(desk.gate.shown)
    page = Page(answer.text)
    assert "Rejected" in badge(page)
    assert "rejected your saved token" in words(page.find("div", role="alert")[0].text)

    assert desk.client.submit(desk.client.get_page(here).form(here)).status_code == 409
    assert len(desk.gate.shown) == shown
    link = next(one.attributes["href"] for one in page.find("a") if "Replace" in one.text)
    answer = desk.client.submit(desk.client.get_page(link).form(desk.path), token=RIGHT)

    assert (answer.status_code, answer.location) == (303, here)
    answer = desk.client.submit(desk.client.get_page(here).form(here))
    assert answer.status_code == 200


def test_an_address_is_confirmed_with_the_password_and_both_addresses_in_sight(desk: Desk) -> None:
    held(desk)
    assert desk.status() == "On hold"
    link = next(
        one.attributes["href"] for one in desk.page().find("a") if "Review address" in words(one.text)
    )
    page = desk.client.get_page(link)
    marked = [one.text for one in page.find("mark")]
    assert marked == ["https://", "old.example.com", "http://", "127.0.0.1", marked[-1]]
    form = page.form(f"{desk.path}/confirm-address")

    wrong = desk.client.submit(form, password="wrong horse battery")
    assert wrong.status_code == 422
    assert desk.status() == "On hold"
    page = desk.follow(desk.client.submit(form, password=PASSWORD))

    assert "bound to the new address" in words(page.text)
    assert desk.gate.shown == []
    desk.send("/check", token="")
    assert desk.status() == "Accepted"


def test_an_address_that_changed_since_it_was_shown_is_not_confirmed(desk: Desk) -> None:
    held(desk)
    form = desk.client.get_page(f"{desk.path}/confirm-address").form(f"{desk.path}/confirm-address")
    with desk.app.app_context():
        db.session.execute(update(Server).values(url="https://third.example.com/mcp"))
        db.session.commit()

    answer = desk.client.submit(form, password=PASSWORD)

    assert answer.status_code == 422
    page = Page(answer.text)
    assert "address changed meanwhile" in words(page.text)
    assert "third.example.com" in page.text
    assert page.form(f"{desk.path}/confirm-address").values["address"] == "https://third.example.com/mcp"


def test_a_token_of_another_service_asks_for_a_tick_first(desk: Desk) -> None:
    desk.gate.accepted = {GITHUB}
    page = desk.send(token=GITHUB)
    assert "looks like a token of GitHub" in words(page.text)
    assert GITHUB not in page.text
    assert desk.row() is None
    assert desk.gate.shown == []
    form = page.form(desk.path)
    assert "belongs_here" in form.fields

    desk.follow(desk.client.submit(form, token=GITHUB, belongs_here="y"))

    assert desk.status() == "Accepted"


def test_a_paste_that_names_another_server_asks_for_a_tick_first(desk: Desk) -> None:
    url = "https://user:hidden@other.example/hidden?key=hidden"
    paste = json.dumps({"mcpServers": {"x": {"url": url, "headers": {"Authorization": f"Bearer {RIGHT}"}}}})
    page = desk.send(token=paste)
    assert "configured for other.example and not for this server" in words(page.text)
    assert RIGHT not in page.text
    assert "hidden@" not in page.text and "key=hidden" not in page.text
    assert desk.row() is None
    assert desk.gate.shown == []

    desk.follow(desk.client.submit(page.form(desk.path), token=paste, belongs_here="y"))

    assert desk.status() == "Accepted"


def test_in_the_playground_too(desk: Desk) -> None:
    desk.gate.accepted = {GITHUB}
    here = desk.path.replace("/settings/tokens", "/playground")
    answer = desk.client.submit(desk.client.get_page(here).form(here), mcp_auth_token=GITHUB)
    assert answer.status_code == 422
    assert desk.gate.shown == []
    page = Page(answer.text)
    assert "looks like a token of GitHub" in words(page.find("div", id="answer")[0].text)
    form = page.form(here)

    answer = desk.client.submit(form, mcp_auth_token=GITHUB, belongs_here="y")

    assert answer.status_code == 200
    assert GITHUB not in answer.text
    # The tools' forms offer it too, each time anew: the next token may be another one.
    page = Page(answer.text)
    assert ticks(page) and all(is_shown and not is_ticked for is_shown, is_ticked in ticks(page))
    answer = desk.client.submit(tool_form(page, "second"), mcp_auth_token=GITHUB, belongs_here="y")
    assert answer.status_code == 200
    assert "called second" in words(Page(answer.text).find("div", id="answer")[0].text)
    assert desk.row() is None


def test_a_call_that_the_tick_held_up_is_made_by_the_form_that_asks_for_it(desk: Desk) -> None:
    desk.have()
    desk.gate.accepted = {RIGHT, GITHUB}
    here = desk.path.replace("/settings/tokens", "/playground")
    tools = Page(desk.client.submit(desk.client.get_page(here).form(here)).text)
    sent = tool_form(tools, "second").values | {"mcp_auth_token": GITHUB, "arguments": '{"a": "<b>"}'}
    answer = desk.client.post(here, data=sent)
    assert answer.status_code == 422
    assert GITHUB not in desk.gate.shown

    form = Page(answer.text).form(here)
    answer = desk.client.submit(form, mcp_auth_token=GITHUB, belongs_here="y")

    assert form.values["arguments"] == '{"a": "<b>"}'
    assert "called second" in Page(answer.text).find("div", id="answer")[0].text


def ticks(page: Page) -> list[tuple[bool, bool]]:
    """Return of each tick "this server may have this token": whether it is shown, and ticked."""
    boxes = page.find("input", name="belongs_here")
    return [("hidden" not in box.parents[-1].attributes, "checked" in box.attributes) for box in boxes]


#: What `/check` and `/expiry` refuse: path, and what is sent.
REFUSED_BESIDE: dict[str, tuple[str, dict[str, str]]] = {
    "a mask": ("/check", {"token": "********"}),
    "a token of GitHub": ("/check", {"token": GITHUB}),
    "another address": ("/check", {"token": RIGHT, "address": "https://elsewhere.example.com/"}),
    "nothing to check": ("/check", {}),
    "no choice": ("/expiry", {}),
    "an empty choice": ("/expiry", {"expires_in": ""}),
    "a choice that is none": ("/expiry", {"expires_in": "sometimes"}),
    "no date": ("/expiry", {"expires_in": "custom"}),
    "a date that the token does not state": ("/expiry", {"expires_in": "stated"}),
    "a past date": ("/expiry", {"expires_in": "custom", "expires_on": "2001-01-01"}),
}


def test_a_form_that_was_not_sent_comes_back_as_on_a_page_just_opened(desk: Desk) -> None:
    csrf = desk.page().form(desk.path).values["csrf_token"]
    ends = clock.now() + 90 * DAY
    for name, (path, fields) in REFUSED_BESIDE.items():
        if name != "nothing to check":
            desk.have(expires_at=ends)

        answer = desk.client.post(desk.path + path, data={"csrf_token": csrf} | fields)

        assert answer.status_code in {409, 422}, name
        page = Page(answer.text)
        assert page.form(desk.path).values["check"] == "y", name
        assert len(page.find("div", role="alert")) == 1, name
        beside = [one.attributes["id"] for one in page.find("p", class_="error")]
        assert all(one.startswith("new-expires") == (path == "/expiry") for one in beside), (name, beside)
        row = desk.row()
        assert row is None or row.expires_at == ends, name
        if row:
            # Nothing is chosen beforehand: one press of the button must not lose the date.
            assert page.form(f"{desk.path}/expiry").values["expires_in"] != "never", name
            with desk.app.app_context():
                db.session.execute(delete(Token))
                db.session.commit()


def test_a_check_keeps_what_was_chosen_in_the_form_it_stands_in(desk: Desk) -> None:
    page = desk.send("/check", token="********", expires_in="custom", expires_on="2099-01-31")

    values = page.form(desk.path).values
    assert (values["expires_in"], values["expires_on"]) == ("custom", "2099-01-31")


def test_a_check_says_which_token_it_is_about(desk: Desk) -> None:
    desk.have()

    assert "The token you typed (nothing was saved): Rejected" in words(desk.send("/check", token=WRONG).text)
    saved = desk.page().form(f"{desk.path}/check")
    assert "token" not in saved.fields
    assert "Your saved token: Accepted" in words(desk.follow(desk.client.submit(saved)).text)


def test_a_form_that_shows_an_old_address_saves_nothing(desk: Desk) -> None:
    form = desk.page().form(desk.path)
    with desk.app.app_context():
        db.session.execute(update(Server).values(url="https://third.example.com/mcp"))
        db.session.commit()

    answer = desk.client.submit(form, token=RIGHT)

    assert answer.status_code == 422
    assert "address changed meanwhile" in words(Page(answer.text).text)
    assert desk.row() is None
    assert Page(answer.text).form(desk.path).values["address"] == "https://third.example.com/mcp"


def test_the_date_that_a_token_states_is_offered_and_never_taken_by_itself(desk: Desk) -> None:
    # {"alg":"none"} . {"exp":4102444800} . a signature that nobody looks at
    stated = "eyJhbGciOiJub25lIn0.eyJleHAiOjQxMDI0NDQ4MDB9.c2lnbmF0dXJl"
    page = desk.send(token=stated, check="")
    assert "ends on Jan 1, 2100" in words(page.text)
    row = desk.row()
    assert row is not None and row.expires_at is None

    desk.follow(desk.client.submit(page.form(f"{desk.path}/expiry")))

    row = desk.row()
    assert row is not None and row.expires_at is not None and row.expires_at.year == 2100


def test_the_date_is_changed_without_pasting_the_token_again(desk: Desk) -> None:
    desk.have(expires_at=clock.now() - DAY, reminded_days=0)
    assert desk.status() == "Expired"

    form = desk.page().form(f"{desk.path}/expiry")
    assert desk.client.submit(form, expires_in="30").status_code == 303

    assert desk.status() == "Saved"
    row = desk.row()
    assert row is not None and row.reminded_days is None
    for fields in (
        {"expires_in": "custom", "expires_on": "2001-01-01"},
        {"expires_in": "sometimes"},
        # This token states no date, so there is none to take.
        {"expires_in": "stated"},
    ):
        assert desk.client.submit(form, **fields).status_code == 422


def test_a_token_that_is_not_used_is_asked_about(desk: Desk) -> None:
    desk.have(updated_at=clock.now() - 91 * DAY)
    assert "Never used since you saved it." in words(desk.page().text)
    assert "still needed?" in desk.client.get_page(LIST).text
    desk.have(updated_at=clock.now() - 91 * DAY, last_used_at=clock.now() - 89 * DAY)

    assert "still needed?" not in desk.client.get_page(LIST).text


def test_the_same_token_for_many_servers_is_told_in_a_few_words(desk: Desk) -> None:
    with desk.app.app_context():
        user = db.session.scalars(select(User)).one()
        for number in range(30):
            make_token(user, make_server(f"{number:02} {'long name ' * 15}"), RIGHT)

    page = desk.send(token=RIGHT)

    told = words(page.text)
    assert "You have saved the same token for 00 long" in told
    assert "… too: is it meant for all of them?" in told
    # A cookie that is too large is not kept, and one is signed out.
    assert badge(desk.page()) == "Accepted"


def test_busy_says_so_and_keeps_what_was_chosen(desk: Desk) -> None:
    form = desk.page().form(desk.path)
    slots = desk.app.extensions["call_slots"]
    with slots.take(7), slots.take(8), slots.take(9), slots.take(10):
        answer = desk.client.submit(form, token=RIGHT, expires_in="90")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert Page(answer.text).form(desk.path).values["expires_in"] == "90"
    assert desk.row() is None


def test_a_date_is_not_given_to_another_token_than_the_page_showed(desk: Desk) -> None:
    desk.have(expires_at=clock.now() + DAY)
    form = desk.page().form(f"{desk.path}/expiry")
    desk.have(WRONG)

    answer = desk.client.submit(form, expires_in="365")

    assert answer.status_code == 409
    assert "Somebody else changed this meanwhile" in Page(answer.text).text
    row = desk.row()
    assert row is not None and row.expires_at is None


def test_the_api_says_of_a_rejected_save_that_nothing_was_saved(desk: Desk) -> None:
    server_id = desk.path.rpartition("/")[2]

    answer = desk.client.post(
        f"/api/mcp-servers/{server_id}/auth-token",
        json={"token": WRONG, "check": True},
        headers={"X-CSRFToken": desk.client.csrf_token()},
    )

    assert (answer.status_code, answer.get_json()["code"]) == (409, "token_rejected")
    assert "so nothing was saved" in answer.get_json()["detail"]
    assert desk.row() is None
