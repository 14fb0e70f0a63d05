from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from mcp.server import MCPServer
from sqlalchemy import select

from app import clock, create_app
from app.extensions import db
from app.models import AuditEvent, Server, Token, User
from app.services.keys import Keys, Secrets
from tests import databases
from tests.factories import PASSWORD, make_server, make_token, make_user
from tests.mcp_servers import bad, good
from tests.mcp_servers.good import TOKEN
from tests.mcp_servers.running import Running, running
from tests.pages import Form, Page, PageClient

HOSTILE = "<script>alert(1)</script>\u202e"
WRONG = "wrong-token-0123456789"


def hostile() -> Any:
    """A server whose every word is an attack on the page."""
    server = MCPServer("hostile", log_level="CRITICAL")

    @server.tool(name="<b>x</b>", description=HOSTILE)
    def one(argument: str = HOSTILE) -> str:
        return HOSTILE + "x" * 30_000

    return server.streamable_http_app()


@pytest.fixture(scope="module")
def remotes() -> Iterator[dict[str, Running]]:
    with running(good.demo()) as demo, running(hostile()) as attacker, running(bad.faulty(), "/html") as html:
        yield {"demo": demo, "hostile": attacker, "html": html}


@pytest.fixture
def app(database_url: str, remotes: dict[str, Running]) -> Iterator[Flask]:
    allowed = tuple(remote.host_port for remote in remotes.values())
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": database_url, "EGRESS_ALLOW": allowed})
    app.test_client_class = PageClient
    yield app
    databases.dispose(app)


@pytest.fixture
def servers(app: Flask, client: PageClient, remotes: dict[str, Running]) -> dict[str, Server]:
    """Sign Ann in, and put the remote servers into the catalogue."""
    with app.app_context():
        user = make_user()
        found = {
            name: make_server(name.title(), url=remote.url, token_required=name != "hostile")
            for name, remote in remotes.items()
        }
    client.sign_in(user.email, PASSWORD)
    for remote in remotes.values():
        remote.requests.clear()
    return found


@pytest.fixture
def demo(app: Flask, servers: dict[str, Server]) -> Server:
    """Save the demo server's token, and return the server."""
    with app.app_context():
        make_token(db.session.scalars(select(User)).one(), servers["demo"], TOKEN)
    return servers["demo"]


def path_of(server: Server) -> str:
    return f"/playground/{server.id}"


def words(text: str) -> str:
    return " ".join(text.split())


def listing(client: PageClient, server: Server, **fields: str) -> Any:
    return client.submit(client.get_page(path_of(server)).form(path_of(server)), **fields)


def tool_form(page: Page, tool: str) -> Form:
    """Return the form that calls this tool, as a browser would send it."""
    for number, form in enumerate(page.find("form", action=f"{page_path(page)}#answer")):
        inside = [one for one in page.find("input", "select", "textarea") if form in one.parents]
        values = {one.attributes["name"]: page._value(one) for one in inside if "name" in one.attributes}
        if values.get("tool") == tool:
            assert number
            return Form(form.attributes["action"], "POST", values, set(values))
    raise AssertionError(f"no form calls {tool}")


def page_path(page: Page) -> str:
    actions = [form.attributes["action"] for form in page.find("form")]
    return next(action.partition("#")[0] for action in actions if action.startswith("/playground/"))


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
    setup = f"/settings/tokens/{demo.id}"
    page = client.get_page(path_of(demo))

    answer = listing(client, demo)

    assert "you have saved none" in page.text
    assert page.find("a", href=setup)
    assert answer.status_code == 409
    alert = Page(answer.text).find("div", role="alert")[0]
    assert "This server wants a token, and you have saved none." in alert.text
    assert [one for one in Page(answer.text).find("a", href=setup) if alert in one.parents]
    assert remotes["demo"].requests == []


def test_the_tools_are_listed_with_a_form_for_each(client: PageClient, demo: Server) -> None:
    answer = listing(client, demo)

    assert answer.status_code == 200
    page = Page(answer.text)
    listed = next(one.text for one in page.find("nav") if one.attributes.get("aria-label") == "Tools")
    assert all(name in listed for name in ("whoami", "add", "echo", "slow", "fail"))
    assert tool_form(page, "add").fields == {"csrf_token", "tool", "arg-a", "arg-b", "mcp_auth_token"}
    assert tool_form(page, "echo").values["arg-times"] == "1"


def test_a_tool_is_called_with_the_saved_token_and_what_was_typed_is_kept(
    client: PageClient, demo: Server
) -> None:
    form = tool_form(Page(listing(client, demo).text), "add")

    answer = client.submit(form, arg__a="2", arg__b="40.5")

    assert answer.status_code == 200
    page = Page(answer.text)
    result = page.find("div", id="answer")[0]
    assert "42.5" in result.text
    assert "Done" in result.text
    assert "saved token" in result.text
    assert tool_form(page, "add").values["arg-b"] == "40.5"


def test_arguments_may_be_one_json_object(client: PageClient, demo: Server) -> None:
    form = tool_form(Page(listing(client, demo).text), "add")
    values = form.values | {"arguments": '{"a": 1, "b": 2}'}

    answer = client.post(form.action, data=values)

    assert "3" in Page(answer.text).find("pre")[0].text


@pytest.mark.parametrize(("typed", "said"), [("", "This is needed."), ("two", "Write a number.")])
def test_an_argument_that_does_not_fit_is_refused_beside_its_field_and_nothing_is_called(
    app: Flask, client: PageClient, demo: Server, typed: str, said: str
) -> None:
    form = tool_form(Page(listing(client, demo).text), "add")

    answer = client.submit(form, arg__a="1", arg__b=typed)

    assert answer.status_code == 422
    page = Page(answer.text)
    assert [one.text for one in page.find("p", class_="error")] == [said]
    assert tool_form(page, "add").values["arg-a"] == "1"
    with app.app_context():
        details = [str(event.details) for event in db.session.scalars(select(AuditEvent))]
    assert "list_tools" in str(details)
    assert "call_tool" not in str(details)


def test_a_tool_that_fails_is_an_answer(client: PageClient, demo: Server) -> None:
    answer = client.submit(tool_form(Page(listing(client, demo).text), "fail"))

    assert answer.status_code == 200
    result = Page(answer.text).find("div", id="answer")[0].text
    assert "The tool reported an error" in result
    assert "This tool always fails." in result


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
    assert "Your saved one was not touched." in alert
    assert WRONG not in answer.text
    assert token_row(app) == before


def test_a_typed_mask_is_refused_beside_its_field(client: PageClient, demo: Server) -> None:
    answer = listing(client, demo, mcp_auth_token="*" * 12)

    assert answer.status_code == 422
    page = Page(answer.text)
    assert "This is a mask" in page.find("p", id="typed-list-error")[0].text
    field = page.find("input", id="typed-list")[0].attributes
    assert (field["aria-invalid"], field["value"]) == ("true", "")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"bound_url": "https://old.example.com/"}, "address changed"),
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
    assert "rejected by the server" in alert.text
    assert "Replace the token" in alert.text


def test_what_a_hostile_server_says_is_text_and_cut(client: PageClient, servers: dict[str, Server]) -> None:
    listed = listing(client, servers["hostile"])

    answer = client.submit(tool_form(Page(listed.text), "<b>x</b>"))

    assert answer.status_code == 200
    for text in (listed.text, answer.text):
        assert "<script>alert" not in text
        assert "<b>x</b>" not in text
        assert "\u202e" not in text
    assert "more characters are not shown" in answer.text
    assert len(answer.text) < 60_000


def test_a_server_that_does_not_speak_mcp_is_said_to_be_so(
    client: PageClient, servers: dict[str, Server]
) -> None:
    answer = listing(client, servers["html"], mcp_auth_token=TOKEN)

    assert answer.status_code == 502
    assert "did not answer as an MCP server" in answer.text


def test_a_tool_that_the_server_does_not_have_is_not_called(client: PageClient, demo: Server) -> None:
    form = tool_form(Page(listing(client, demo).text), "whoami")

    answer = client.post(form.action, data=form.values | {"tool": "nothing"})

    assert answer.status_code == 422
    assert "no tool of this name" in answer.text


def test_a_disabled_server_has_no_playground(app: Flask, client: PageClient, demo: Server) -> None:
    with app.app_context():
        db.session.get_one(Server, demo.id).is_enabled = False
        db.session.commit()

    assert client.get(path_of(demo)).status_code == 404
    assert "Demo" not in client.get_page("/playground").text
