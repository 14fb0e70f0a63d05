"""What a call leaves on the page: views of its answer, the call as code, one's own calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app import create_app
from app.extensions import db
from app.models import AuditEvent, Server
from tests import databases
from tests.factories import PASSWORD, make_server, make_token, make_user
from tests.mcp_servers import rich
from tests.mcp_servers.good import TOKEN
from tests.mcp_servers.running import Running, running
from tests.pages import Element, Page, PageClient
from tests.web.playground_page.forms import listing, path_of, tool_form, words


@pytest.fixture(scope="module")
def remote() -> Iterator[Running]:
    with running(rich.rich()) as server:
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
def server(app: Flask, client: PageClient, remote: Running) -> Server:
    """Sign Ann in, who has a token for a server with many tools."""
    with app.app_context():
        user = make_user()
        server = make_server("Rich", url=remote.url, token_required=False)
        make_token(user, server, TOKEN)
    client.sign_in(user.email, PASSWORD)
    return server


def call(client: PageClient, server: Server, tool: str, **fields: str) -> Page:
    answer = client.submit(tool_form(Page(listing(client, server).text), tool), **fields)
    assert answer.status_code == 200
    return Page(answer.text)


def code_in(page: Page) -> list[str]:
    return [one.text for one in page.find("code", dir="ltr")]


def test_json_is_there_as_table_tree_and_text_without_a_script(client: PageClient, server: Server) -> None:
    page = call(client, server, "model_search", arg__query="korean")

    views = page.find("input", type="radio", name="view-1")
    assert [one.attributes["value"] for one in views] == ["table", "tree", "text"]
    assert "checked" in views[0].attributes
    assert [one.text.strip() for one in page.find("th", scope="col")[:3]] == ["id", "downloads", "task"]
    assert "182340" in page.find("table")[0].text
    tree = page.find("div", role="group", tabindex="0")
    assert any('"task"' in one.text and "null" in one.text for one in tree)
    assert '"downloads": 182340' in page.find("pre")[0].text


def test_a_hostile_text_in_json_is_text(client: PageClient, server: Server) -> None:
    answer = client.submit(tool_form(Page(listing(client, server).text), "deep"))

    assert "<b>bold" not in answer.text
    assert "\u202e" not in answer.text
    assert "&lt;b&gt;bold&lt;/b&gt;\\u202e" in answer.text


def test_a_picture_is_bytes_for_a_script_and_a_line_without_one(client: PageClient, server: Server) -> None:
    page = call(client, server, "draw")

    drawn = page.find("canvas")
    assert [one.attributes["data-media"] for one in drawn] == ["image/png", "image/png"]
    assert drawn[0].attributes["aria-label"] == "Picture of the answer, 160 × 90 pixels"
    assert page.find("img") == []
    assert "Image, image/png, " in page.find("div", id="answer")[0].text


def test_a_tools_error_is_told_apart_from_a_server_that_did_not_answer(
    client: PageClient, server: Server
) -> None:
    answer = call(client, server, "fail").find("div", id="answer")[0].text

    assert "The tool reported an error" in answer
    assert "The server was reached and answered" in answer


def test_a_call_stands_there_as_code_without_the_token(client: PageClient, server: Server) -> None:
    page = call(client, server, "say", arg__text="it's $HOME")

    curl, python = code_in(page)
    assert "printf '%s\\n' 'Authorization: Bearer '\"$MCP_TOKEN\" | curl" in curl
    assert "it'\"'\"'s $HOME" in curl
    assert "MCP-Protocol-Version: 2025-06-18" in curl
    assert ast.literal_eval(python.partition("ARGUMENTS = ")[2].partition("\n}\n")[0] + "\n}") == {
        "text": "it's $HOME"
    }
    assert 'os.environ["MCP_TOKEN"]' in python
    assert TOKEN not in page.source


def test_a_call_can_be_had_as_code_without_being_made(app: Flask, client: PageClient, server: Server) -> None:
    form = tool_form(Page(listing(client, server).text), "say")

    answer = client.post(form.action, data=form.values | {"arg-text": "hello", "show": "code"})

    page = Page(answer.text)
    assert "hello" in code_in(page)[0]
    assert "Nothing was called." in page.find("div", id="answer")[0].text
    assert tool_form(page, "say").values["arg-text"] == "hello"
    with app.app_context():
        details = str(list(db.session.scalars(select(AuditEvent.details))))
    assert "list_tools" in details
    assert "call_tool" not in details


def test_a_typed_token_is_not_in_the_code_either(client: PageClient, server: Server) -> None:
    page = call(client, server, "say", mcp_auth_token="another-token-0123456789")

    assert "another-token" not in page.source
    assert "$MCP_TOKEN" in code_in(page)[0]


def test_where_no_token_was_sent_the_code_sends_none(app: Flask, client: PageClient, server: Server) -> None:
    with app.app_context():
        open_server = make_server("Open", url=server.url, token_required=False)

    page = call(client, open_server, "say")

    assert "MCP_TOKEN" not in "".join(code_in(page))
    assert "It sends no token." in page.find("div", id="code")[0].text


def test_tools_are_found_by_name_and_description_without_a_script(client: PageClient, server: Server) -> None:
    page = Page(finding(client, server, "HUB  text").text)

    assert shown(page) == ["model_search"]
    assert "1 of 12 tools" in page.find("p", id="found")[0].text
    assert page.find("input", id="find")[0].attributes["value"] == "HUB  text"
    # What was looked for stays through a call.
    again = client.submit(tool_form(page, "model_search"))
    assert shown(Page(again.text)) == ["model_search"]


def test_what_is_looked_for_is_text(client: PageClient, server: Server) -> None:
    answer = finding(client, server, '"><script>alert(1)</script>\u202e')

    assert "<script>alert" not in answer.text
    assert shown(Page(answer.text)) == []
    assert "0 of 12 tools" in answer.text


def finding(client: PageClient, server: Server, text: str) -> TestResponse:
    """Send the search box over a list of tools."""
    page = Page(listing(client, server).text)
    form = next(one for one in page.find("form") if one.attributes.get("role") == "search")
    inside = [one for one in page.find("input") if form in one.parents]
    values = {one.attributes["name"]: one.attributes["value"] for one in inside}
    assert values["find"] == ""
    return client.post(form.attributes["action"], data=values | {"find": text})


def shown(page: Page) -> list[str]:
    """Return the names of the tools that the list shows."""
    hidden = page.find("li", hidden="")
    links = [one for one in page.find("a") if one.attributes.get("href", "").startswith("#tool-")]
    return [name_in(one) for one in links if not any(parent in hidden for parent in one.parents)]


def name_in(link: Element) -> str:
    return words(link.text).split(" ")[0]


def test_ones_own_calls_are_on_the_page_and_nobody_elses(
    app: Flask, client: PageClient, server: Server
) -> None:
    with app.app_context():
        make_token(make_user("bob@example.com"), db.session.get_one(Server, server.id), TOKEN)
    before = client.get_page(path_of(server)).find("details", id="history")[0].text
    call(client, server, "say", arg__text="a secret argument")
    page = client.get_page(path_of(server))

    history = page.find("details", id="history")[0]
    assert "None yet." in before
    row = words(page.find("tbody")[0].text)
    assert "say it was answered" in row
    assert row.endswith("saved")
    assert "a secret argument" not in page.source
    assert "Calls with a token only." in words(history.text)
    client.post("/logout", data={"csrf_token": page.find("input", name="csrf_token")[0].attributes["value"]})
    client.sign_in("bob@example.com", PASSWORD)
    assert "None yet." in client.get_page(path_of(server)).find("details", id="history")[0].text


def test_a_call_without_a_token_is_not_kept_and_the_page_says_which_are(
    app: Flask, client: PageClient, server: Server
) -> None:
    with app.app_context():
        open_server = make_server("Open", url=server.url, token_required=False)
    call(client, open_server, "say")

    history = client.get_page(path_of(open_server)).find("details", id="history")[0].text

    assert "None yet." in history
    assert "Calls with a token only." in words(history)
