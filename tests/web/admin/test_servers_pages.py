"""Admin → Servers: the catalogue as a list, and one server's form."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.extensions import db
from app.models import AuditEvent, Server, Token
from app.services import accounts
from tests.canary import CANARY_HINT
from tests.factories import ACTOR, PASSWORD, make_server, make_token, make_user
from tests.pages import Form, Page, PageClient

LIST = "/admin/servers"
NEW = "https://new.example.com/mcp"


def path_of(server_id: int) -> str:
    return f"{LIST}/{server_id}"


def form_of(client: PageClient, server_id: int) -> Form:
    return client.get_page(path_of(server_id)).form(path_of(server_id))


def read(answer: TestResponse) -> Page:
    return Page(answer.get_data(as_text=True))


def saved(app: Flask, server_id: int) -> dict[str, Any]:
    with app.app_context():
        statement = db.select(Server.__table__).where(Server.id == server_id)
        return dict(db.session.execute(statement).mappings().one())


def events(app: Flask) -> list[tuple[str, dict[str, Any]]]:
    with app.app_context():
        statement = db.select(AuditEvent).where(AuditEvent.action.startswith("server."))
        return [(one.action, one.details) for one in db.session.scalars(statement.order_by(AuditEvent.id))]


def words(page: Page) -> str:
    return " ".join(page.text.split())


def test_to_everyone_else_there_are_no_such_pages(app: Flask, github: int) -> None:
    with app.app_context():
        make_user("dora@example.com")
        accounts.set_role("dora@example.com", "auditor", ACTOR)
    for email in ("ann@example.com", "dora@example.com"):
        client = app.test_client()
        assert isinstance(client, PageClient)
        client.sign_in(email, PASSWORD)
        form = client.get_page("/settings/tokens").find("input", name="csrf_token")[0].attributes["value"]

        for path in (LIST, path_of(github)):
            client.get_page(path, status=404)
        answer = client.post(path_of(github), data={"csrf_token": form, "name": "Mine"})

        assert answer.status_code == 404
    assert saved(app, github)["name"] == "GitHub"


def test_the_list_says_where_each_server_is_its_state_and_how_many_hold_tokens(
    app: Flask, carol: PageClient, github: int
) -> None:
    with app.app_context():
        make_server("Ünï", url="https://xn--n-zfa9d.example/mcp", is_enabled=False)
        make_server("Wants two", is_enabled=False, disabled_reason="It wants 2 secrets.")

    page = carol.get_page(LIST)

    rows = [" ".join(row.text.split()) for row in page.find("tr")[1:]]
    assert rows == [
        "GitHubmcp-1.example.com Enabled 2 Change GitHub",
        "Wants twomcp-3.example.com DisabledIt wants 2 secrets. 0 Change Wants two",
        "Ünïxn--n-zfa9d.example DisabledBy an admin. 0 Change Ünï",
    ]
    assert page.find("a", href=path_of(github))
    assert CANARY_HINT not in page.text


def test_the_list_is_searched_and_goes_on_page_by_page(app: Flask, carol: PageClient) -> None:
    with app.app_context():
        for number in range(51):
            make_server(f"Server {number:02}")
    first = carol.get_page(LIST)
    on = next(link for link in first.find("a") if link.text.startswith("Next"))

    second = carol.get_page(on.attributes["href"])
    found = carol.get_page(f"{LIST}?q=SERVER+07")

    assert [len(page.find("tr")) - 1 for page in (first, second, found)] == [50, 1, 1]
    assert "Server 50" in second.text
    assert "Nothing found" in carol.get_page(f"{LIST}?q=%25").text
    assert carol.get(f"{LIST}?after=x").status_code == 422


def test_an_empty_catalogue_says_how_to_fill_it(carol: PageClient) -> None:
    assert "flask servers add" in carol.get_page(LIST).text


def test_the_form_shows_what_is_saved_and_what_will_be_sent(carol: PageClient, github: int) -> None:
    page = carol.get_page(path_of(github))

    form = page.form(path_of(github))
    assert form.values["extra_headers"] == "X-Version: 1\nX-Tools: a: b"
    assert (form.values["name"], form.values["token_help"]) == ("GitHub", "Under Settings.")
    assert "held_tokens" not in form.fields
    assert "Authorization: Bearer ••••" in page.text
    assert "Another one puts the tokens of 2 people on hold" in words(page)
    assert "It is called only while the server marks it as read-only." in page.text
    assert CANARY_HINT not in page.text


def test_sent_back_as_it_came_it_changes_nothing(app: Flask, carol: PageClient, github: int) -> None:
    before = saved(app, github)

    answer = carol.submit(form_of(carol, github))

    assert (answer.status_code, answer.location) == (303, path_of(github))
    assert "Nothing was changed." in carol.get_page(path_of(github)).text
    assert saved(app, github) == before
    assert events(app) == []


def test_every_field_can_be_changed(app: Flask, carol: PageClient, github: int) -> None:
    form = form_of(carol, github)
    given = {
        "name": "Octo",
        "description": "Code\r\nand issues.",
        "transport": "sse",
        "auth_header_name": "X-Auth",
        "auth_value_format": "token {token}",
        "extra_headers": "\r\n X-One :  1 \r\n\r\nX-Two: a:b\r\n",
        "token_help": "",
        "token_help_url": "https://example.com/tokens",
        "token_placeholder": "ghp_…",
        "probe_tool": "get_me",
    }
    values = form.values | given
    del values["token_required"]

    answer = carol.post(form.action, data=values)

    assert answer.status_code == 303
    row = saved(app, github)
    assert {name: row[name] for name in given} == given | {
        "description": "Code and issues.",
        "extra_headers": {"X-One": "1", "X-Two": "a:b"},
        "token_help": None,
    }
    assert row["token_required"] is False
    assert events(app) == [("server.changed", {})]
    assert "X-Auth: token ••••" in carol.get_page(path_of(github)).text


def test_another_address_asks_first_and_keeps_what_was_typed(
    app: Flask, carol: PageClient, github: int
) -> None:
    before = saved(app, github)

    asked = carol.submit(form_of(carol, github), url=NEW, name="Octo", extra_headers="X-Typed: 1")

    page = read(asked)
    assert asked.status_code == 422
    assert saved(app, github) == before
    sentence = "This puts the tokens of 2 people on hold until each of them confirms the new address."
    assert sentence in words(page)
    form = page.form(path_of(github))
    assert (form.values["url"], form.values["name"]) == (NEW, "Octo")
    assert form.values["extra_headers"] == "X-Typed: 1"
    box = page.find("input", name="held_tokens")[0]
    assert (box.attributes["type"], box.attributes["value"]) == ("checkbox", "2")
    assert "checked" not in box.attributes
    # Sent again without the tick, it asks again.
    assert carol.submit(form).status_code == 422

    done = carol.submit(form, held_tokens="2")

    assert done.status_code == 303
    assert (saved(app, github)["url"], saved(app, github)["name"]) == (NEW, "Octo")
    assert events(app) == [("server.address_changed", {"held_tokens": 2}), ("server.changed", {})]
    after = carol.get_page(path_of(github))
    assert "The tokens of 2 people are on hold" in words(after)
    assert "Another one puts" not in words(after)


def test_a_number_that_changed_meanwhile_is_asked_about_again(
    app: Flask, carol: PageClient, github: int
) -> None:
    form = read(carol.submit(form_of(carol, github), url=NEW)).form(path_of(github))
    with app.app_context():
        db.session.delete(db.session.scalars(db.select(Token).limit(1)).one())
        db.session.commit()

    asked = carol.submit(form, held_tokens="2")

    assert asked.status_code == 422
    assert "the token of 1 person on hold until they confirm" in words(read(asked))
    form = read(asked).form(path_of(github))
    assert "held_tokens" not in form.values
    assert carol.submit(form, held_tokens="1").status_code == 303


@pytest.mark.parametrize("ticked", ["", "x", "-2", "2.0", "２", "2 ", "9" * 5000, "\x00", "on"])
def test_no_other_tick_stands_for_the_number(app: Flask, carol: PageClient, github: int, ticked: str) -> None:
    values = form_of(carol, github).values | {"url": NEW, "held_tokens": ticked}

    assert carol.post(path_of(github), data=values).status_code == 422
    assert saved(app, github)["url"] != NEW


def test_a_tick_stays_while_something_else_is_wrong(carol: PageClient, github: int) -> None:
    values = form_of(carol, github).values | {"url": NEW, "name": " ", "held_tokens": "2"}

    page = read(carol.post(path_of(github), data=values))

    assert page.form(path_of(github)).values["held_tokens"] == "2"
    assert "Give it a name." in page.text


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "\u202e", "Give it a name."),
        ("url", "https://a:b@new.example.com/", "There is a user name or password"),
        ("url", "", "Write the full address"),
        ("transport", "stdio", "Choose streamable HTTP or SSE."),
        ("auth_header_name", "Cookie", "This header may not carry a token: cookies are kept"),
        ("auth_value_format", "Bearer", "Write {token} once"),
        ("extra_headers", "X-One", "Write one header a line"),
        ("extra_headers", "X-One: 1\r\nX-One: 2", "One of these headers is there twice."),
        ("extra_headers", "X-One: 1\r\nx-one: 2", "One of these headers is there twice."),
        ("extra_headers", "X-One: <script>\x00", "One of these values cannot be sent"),
        ("extra_headers", "X-Api-Key: 1", "may not hold a secret"),
        ("extra_headers", "Host: a", "One of these headers may not be set: Host names"),
        ("token_help_url", "javascript:alert(1)", "This is no http(s) address."),
        ("probe_tool", "<script>\x00", "A tool's name is one line"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_kept(
    app: Flask, carol: PageClient, github: int, field: str, value: str, sentence: str
) -> None:
    before = saved(app, github)

    answer = carol.submit(form_of(carol, github), **{field: value})

    page = read(answer)
    assert answer.status_code == 422
    control = page.find("input", "select", "textarea", name=field)[0]
    assert control.attributes["aria-invalid"] == "true"
    assert f"{field}-error" in control.attributes["aria-describedby"].split()
    assert sentence in page.find("p", id=f"{field}-error")[0].text
    assert page.find("a", href=f"#{field}")
    assert saved(app, github) == before
    assert "<script>" not in answer.text


def test_who_was_faster_is_not_overwritten_unseen(app: Flask, carol: PageClient, github: int) -> None:
    mine, theirs = form_of(carol, github), form_of(carol, github)
    carol.submit(theirs, name="Theirs", token_required="")

    answer = carol.submit(mine, name="Mine", description="As well.")

    page = read(answer)
    assert answer.status_code == 422
    assert "Somebody else changed this server" in page.text
    assert "Saved now: Theirs" in page.find("p", id="name-error")[0].text
    assert "Saved now: nothing" in page.find("p", id="description-error")[0].text
    assert not page.find("p", id="url-error")
    assert saved(app, github)["name"] == "Theirs"
    form = page.form(path_of(github))
    assert (form.values["name"], form.values["description"]) == ("Mine", "As well.")

    assert carol.submit(form).status_code == 303
    assert saved(app, github)["name"] == "Mine"


@pytest.mark.parametrize("seen", ["", "x", "2030-01-01T00:00:00", "\x00"])
def test_what_says_nothing_of_when_it_was_seen_is_taken(carol: PageClient, github: int, seen: str) -> None:
    assert carol.submit(form_of(carol, github), seen=seen, name="Mine").status_code == 303


def test_a_server_that_is_gone_is_a_404(app: Flask, carol: PageClient, github: int) -> None:
    form = form_of(carol, github)
    with app.app_context():
        db.session.delete(db.session.get_one(Server, github))
        db.session.commit()

    assert carol.submit(form, name="Mine").status_code == 404
    carol.get_page(path_of(2**31 - 1), status=404)


def test_a_servers_own_words_are_shown_and_never_obeyed(app: Flask, carol: PageClient) -> None:
    with app.app_context():
        server = make_server(
            "<script>alert(1)</script>",
            description="</textarea><script>",
            registry_name="<b>com.example/x",
            is_enabled=False,
            disabled_reason="<i>why</i>",
            token_help_url="javascript:alert(1)",
        )
        make_token(make_user(), make_server())

    for path in (LIST, path_of(server.id)):
        answer = carol.get(path)
        assert answer.status_code == 200
        for word in ("<script>", "<b>com.example", "<i>", "</textarea><"):
            assert word not in answer.text
        assert not [link for link in read(answer).find("a") if "javascript" in link.attributes["href"]]


def test_the_catalogue_is_filtered_by_state_and_counted_within_a_search(
    app: Flask, carol: PageClient, github: int
) -> None:
    with app.app_context():
        for name, is_enabled in (("Gitea", False), ("GitLab", True), ("Other", False)):
            make_server(name, is_enabled=is_enabled)

    def names(query: str) -> list[str]:
        page = carol.get_page(f"{LIST}{query}")
        return [one.text for one in page.find("bdi", class_="name")]

    assert names("?state=disabled") == ["Gitea", "Other"]
    assert names("?state=disabled&q=git") == ["Gitea"]
    page = carol.get_page(f"{LIST}?q=git&state=enabled")
    chips = " ".join(page.find("ul", class_="chips")[0].text.split())
    assert chips == "Found for “git”: All 3 Enabled 2 Disabled 1"
    assert page.find("div", id="results")[0].attributes["data-found"] == "2 servers found"
    assert page.form(LIST).values == {"q": "git", "state": "enabled"}
    assert carol.get(f"{LIST}?state=broken").status_code == 422


def test_a_server_leads_to_its_events(carol: PageClient, github: int) -> None:
    links = [one.attributes["href"] for one in carol.get_page(path_of(github)).find("a")]

    assert f"/admin/audit?server={github}" in links
