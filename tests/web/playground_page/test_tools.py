from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.models import AuditEvent, Server
from tests.mcp_servers.good import TOKEN
from tests.pages import Page, PageClient
from tests.web.playground_page.forms import listing, path_of, tool_form, words


def test_the_tools_are_listed_with_a_form_for_each(client: PageClient, demo: Server) -> None:
    answer = listing(client, demo)

    assert answer.status_code == 200
    page = Page(answer.text)
    listed = next(one.text for one in page.find("nav") if one.attributes.get("aria-label") == "Tools")
    assert all(name in listed for name in ("whoami", "add", "echo", "slow", "fail"))
    assert tool_form(page, "add").fields == {
        *("csrf_token", "address", "tool", "arg-a", "arg-b", "mcp_auth_token", "belongs_here")
    }
    # Nobody is asked whether a token belongs here before there is a reason to.
    assert all("hidden" in one.attributes for one in page.find("p", class_="choice belongs"))
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
    assert f"Nothing was called yet. b: {said}" in words(page.find("div", id="answer")[0].text)
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


def test_a_typed_mask_is_refused_beside_its_field(client: PageClient, demo: Server) -> None:
    answer = listing(client, demo, mcp_auth_token="*" * 12)

    assert answer.status_code == 422
    page = Page(answer.text)
    assert "This is a mask" in page.find("p", id="typed-list-error")[0].text
    assert "This is a mask" in page.find("div", id="answer")[0].text
    field = page.find("input", id="typed-list")[0].attributes
    assert (field["aria-invalid"], field["value"]) == ("true", "")


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
    assert "What answered is not an MCP server." in answer.text


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
