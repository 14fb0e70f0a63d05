"""Every state of a token where tokens are not stored: what is said of it is true there, and can be done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app import clock, create_app
from app.extensions import db
from app.models import Server, Token, User
from tests import databases
from tests.factories import make_server, make_token, make_user
from tests.mcp_servers.gate import Gate
from tests.mcp_servers.running import Running, running
from tests.pages import Page, PageClient

LIST = "/settings/tokens"
RIGHT = "right-token-0123456789"
DAY = timedelta(days=1)
#: Nothing can be saved, so nothing can be replaced; a date or an address of what is to go is nobody's errand.
NOT_TRUE = re.compile(
    r"\b(replac\w*|save a token|saving|review|confirm\w*|check it|have saved no|not yet saved)\b", re.I
)
#: Status → columns of a token in it; None: there is none.
STATES: dict[str, dict[str, Any] | None] = {
    "none": None,
    "unreadable": {"unreadable_at": clock.now()},
    "on_hold": {"bound_url": "https://old.example.com/"},
    "expired": {"expires_at": clock.now() - DAY},
    "rejected": {
        "last_check_result": "rejected",
        "last_check_reason": "refused",
        "last_check_at": clock.now(),
    },
    "expiring": {"expires_at": clock.now() + 3 * DAY},
    "accepted": {
        "last_check_result": "accepted",
        "last_check_reason": "proved",
        "last_check_at": clock.now(),
    },
    "saved": {},
}


@pytest.fixture
def gate() -> Gate:
    return Gate(RIGHT)


@pytest.fixture
def remote(gate: Gate) -> Iterator[Running]:
    with running(gate.asgi()) as server:
        yield server


@pytest.fixture
def app(database_url: str, remote: Running) -> Iterator[Flask]:
    app = create_app(
        {"TESTING": True, "SQLALCHEMY_DATABASE_URI": database_url, "EGRESS_ALLOW": (remote.host_port,)}
    )
    app.test_client_class = PageClient
    yield app
    databases.dispose(app)


@pytest.fixture
def servers(app: Flask, client: PageClient, remote: Running) -> dict[str, Server]:
    """Sign Ann in, who has a token in each state, and has chosen not to store any since."""
    with app.app_context():
        ann = make_user()
        found = {status: make_server(f"Server {status}", url=f"{remote.url}?{status}") for status in STATES}
        for status, columns in STATES.items():
            if columns is not None:
                make_token(ann, found[status], RIGHT, **columns)
        db.session.execute(db.update(User).values(stores_tokens=False))
        db.session.commit()
    client.sign_in(ann.email, "correct horse battery")
    return found


def words(text: str) -> str:
    return " ".join(text.split())


def main(page: Page) -> str:
    return words(page.find("main")[0].text)


def test_no_page_and_no_answer_advises_what_cannot_be_done(
    client: PageClient, servers: dict[str, Server], gate: Gate
) -> None:
    headers = {"X-CSRFToken": client.csrf_token()}
    for status, server in servers.items():
        here, bench = f"{LIST}/{server.id}", f"/playground/{server.id}"
        page, playground = client.get_page(here), client.get_page(bench)
        asked = client.submit(playground.form(bench))

        for one in (page, playground, Page(asked.text)):
            assert not NOT_TRUE.findall(main(one)), (status, NOT_TRUE.findall(main(one)), main(one))
        assert not page.find("input", name="check")
        links = [one.attributes["href"].partition("?")[0] for one in page.find("a")]
        assert (f"{here}/delete" in links) == (status != "none"), status
        assert bench in links
        called = client.post(f"/api/playground/{server.id}/tools", headers=headers)
        if called.status_code == 409:
            problem = called.get_json()
            assert not NOT_TRUE.findall(problem["detail"]), problem
            assert problem.get("setup_url", bench) == bench
        told = client.get(f"/api/mcp-servers/{server.id}/auth-token").get_json()
        if status != "none":
            # A rejected token and an unreadable one are met in the same words by programs.
            assert told["remedy"] == "delete"
            assert not NOT_TRUE.findall(told["help"]), told
    listed = client.get("/api/mcp-servers").get_json()["items"]
    assert {one["token"].get("remedy", "delete") for one in listed} == {"delete"}
    assert not NOT_TRUE.findall(main(client.get_page(LIST)))


def test_an_empty_check_is_no_check_and_a_button_of_its_own_checks_what_is_still_stored(
    app: Flask, client: PageClient, servers: dict[str, Server], gate: Gate
) -> None:
    here = f"{LIST}/{servers['saved'].id}"
    page = client.get_page(here)
    saved, typed = (form_at(page, place) for place in (0, 1))

    empty = client.post(f"{here}/check", data=typed)

    assert empty.status_code == 422
    assert "Paste the token; this is empty." in words(Page(empty.text).find("p", class_="error")[0].text)
    assert gate.shown == []
    assert client.post(f"{here}/check", data=typed | {"token": "wrong-token-0123456789"}).status_code == 303
    assert "The token you typed (nothing was saved): Rejected" in main(client.get_page(here))
    assert client.post(f"{here}/check", data=saved).status_code == 303
    assert "Your saved token: Accepted" in main(client.get_page(here))
    with app.app_context():
        assert db.session.query(Token).count() == len(STATES) - 1
    none = client.post(f"{LIST}/{servers['none'].id}/check", data=saved)
    assert (none.status_code, "Type one." in main(Page(none.text))) == (409, True)


def form_at(page: Page, place: int) -> dict[str, str]:
    """Return what the page's first or second form that checks sends."""
    forms = [one for one in page.find("form") if one.attributes["action"].endswith("/check")]
    inside = [one for one in page.find("input") if forms[place] in one.parents]
    return {one.attributes["name"]: one.attributes.get("value", "") for one in inside}
