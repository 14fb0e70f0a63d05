from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.extensions import db
from app.models import Server, Token, User
from app.services.keys import Keys, Secrets
from tests.factories import make_token
from tests.mcp_servers.good import TOKEN
from tests.mcp_servers.running import Running
from tests.pages import Page, PageClient
from tests.web.playground_page.forms import listing, path_of, tool_form, words

WRONG = "wrong-token-0123456789"


def token_row(app: Flask) -> tuple[str, object]:
    with app.app_context():
        row = db.session.scalars(select(Token)).one()
        return row.token_encrypted, row.revision


def test_opening_the_page_contacts_nobody_and_says_which_token_a_call_would_use(
    client: PageClient, demo: Server, remotes: dict[str, Running]
) -> None:
    page = client.get_page(path_of(demo))

    assert "Calls use your saved token ...6789" in words(page.text)
    assert remotes["demo"].requests == []
    assert "...6789" in client.get_page("/playground").text


def test_without_a_saved_token_the_page_says_so_and_links_to_the_form(
    client: PageClient, servers: dict[str, Server], remotes: dict[str, Running]
) -> None:
    demo = servers["demo"]
    setup = f"/settings/tokens/{demo.id}?back=playground"
    page = client.get_page(path_of(demo))

    answer = listing(client, demo)

    assert "You have saved no token" in page.text
    assert page.find("a", href=setup)
    assert answer.status_code == 409
    alert = Page(answer.text).find("div", role="alert")[0]
    assert "This server wants a token, and you have saved none." in alert.text
    assert [one for one in Page(answer.text).find("a", href=setup) if alert in one.parents]
    assert remotes["demo"].requests == []


def test_a_token_typed_for_one_call_is_used_once_and_never_comes_back(
    app: Flask, client: PageClient, servers: dict[str, Server]
) -> None:
    page = Page(listing(client, servers["demo"], mcp_auth_token=f"Bearer {TOKEN}").text)

    answer = client.submit(tool_form(page, "whoami"), mcp_auth_token=TOKEN)

    assert answer.status_code == 200
    assert "token typed for this call" in Page(answer.text).find("div", id="answer")[0].text
    assert TOKEN not in answer.text
    with app.app_context():
        assert db.session.scalars(select(Token)).all() == []


def test_a_wrong_typed_token_is_rejected_by_the_server_and_the_saved_one_is_untouched(
    app: Flask, client: PageClient, demo: Server
) -> None:
    before = token_row(app)

    answer = listing(client, demo, mcp_auth_token=WRONG)

    assert answer.status_code == 409
    alert = Page(answer.text).find("div", role="alert")[0].text
    assert "rejected by the server" in alert
    assert "What you have saved was not touched." in alert
    assert WRONG not in answer.text
    assert token_row(app) == before


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"bound_url": "https://old.example.com/"}, "on hold"),
        ({"expires_at": clock.now()}, "past its date"),
        ({"unreadable_at": clock.now()}, "cannot be read"),
    ],
)
def test_a_saved_token_that_may_not_be_sent_is_not_and_the_page_says_what_mends_it(
    app: Flask,
    client: PageClient,
    demo: Server,
    remotes: dict[str, Running],
    columns: dict[str, Any],
    said: str,
) -> None:
    with app.app_context():
        row = db.session.scalars(select(Token)).one()
        for name, value in columns.items():
            setattr(row, name, value)
        db.session.commit()

    answer = listing(client, demo)

    assert answer.status_code == 409
    assert said in words(Page(answer.text).find("div", role="alert")[0].text)
    assert remotes["demo"].requests == []


def test_with_a_key_that_is_not_loaded_nothing_is_sent_or_marked_and_the_page_says_so(
    app: Flask, client: PageClient, demo: Server, remotes: dict[str, Running]
) -> None:
    secret = "another-secret-than-before-0123456789"
    app.extensions["keys"] = Keys(Secrets(secret))

    answer = listing(client, demo)

    assert answer.status_code == 503
    assert "encryption key is not loaded" in Page(answer.text).find("div", role="alert")[0].text
    assert remotes["demo"].requests == []
    assert "Saved token" in client.get_page(path_of(demo)).text


def test_a_saved_token_that_the_server_refuses_leads_to_replacing_it(
    app: Flask, client: PageClient, servers: dict[str, Server]
) -> None:
    with app.app_context():
        make_token(db.session.scalars(select(User)).one(), servers["demo"], WRONG)

    answer = listing(client, servers["demo"])

    assert answer.status_code == 409
    alert = Page(answer.text).find("div", role="alert")[0]
    assert "rejected your saved token" in alert.text
    assert "Replace" in alert.text


def test_servers_are_filtered_by_the_state_of_ones_token(
    client: PageClient, servers: dict[str, Server], demo: Server
) -> None:
    def names(query: str) -> list[str]:
        return [one.text for one in client.get_page(f"/playground{query}").find("bdi", class_="name")]

    assert names("?status=held") == ["Demo"]
    assert names("?status=none") == ["Hostile", "Html"]
    assert names("?status=attention") == []
    assert "No token is in this state." in client.get_page("/playground?status=attention").text
    chips = client.get_page("/playground?q=h").find("ul", class_="chips")[0]
    assert " ".join(chips.text.split()) == "Found for “h”: All 2 Need you 0 With a token 0 No token 2"
