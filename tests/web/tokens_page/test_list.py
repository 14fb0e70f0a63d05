from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select

from app import clock
from app.crypto.vault import Vault
from app.extensions import db
from app.models import Server, Token, User
from tests import databases
from tests.canary import CANARY_HINT
from tests.factories import make_server, make_token, make_user
from tests.pages import Element, Page, PageClient

LIST = "/settings/tokens"
DAY = timedelta(days=1)


def row_of(page: Page, server: Server) -> Element:
    return page.find("tr", id=f"server-{server.id}")[0]


def saved(app: Flask) -> list[Token]:
    with app.app_context():
        return list(db.session.scalars(select(Token).order_by(Token.id)))


def words(text: str) -> str:
    return " ".join(text.split())


def _server(number: int) -> Server:
    now = clock.now()
    return Server(
        slug=f"s{number}",
        name=f"Server {number:03}",
        url=f"https://s{number}.example.com/mcp",
        created_at=now,
        updated_at=now,
    )


def _link(page: Page, text: str) -> str:
    return next(one.attributes["href"] for one in page.find("a") if text in one.text)


def _counting(engine: object) -> Callable[[], int]:
    statements: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    return lambda: len(statements)


def test_each_state_says_what_it_is_and_what_mends_it(app: Flask, client: PageClient, ann: User) -> None:
    now = clock.now()
    states = {
        "Hold": ({"bound_url": "https://old.example.com/mcp"}, "On hold", "Review address"),
        "Gone": ({"unreadable_at": now}, "Cannot be read", "Replace"),
        "Late": ({"expires_at": now - DAY}, "Expired", "Replace"),
        "Soon": ({"expires_at": now + 5.5 * DAY}, "Expires in 6 days", "Replace"),
        "Tomorrow": ({"expires_at": now + DAY / 2}, "Expires in 1 day", "Replace"),
        "Wrong": ({"last_check_result": "rejected"}, "Rejected", "Replace"),
        "Right": ({"last_check_result": "accepted"}, "Accepted", "Replace"),
        "Kept": ({}, "Saved", "Replace"),
    }
    with app.app_context():
        servers = {name: make_server(name) for name in states}
        for name, (columns, _, _) in states.items():
            make_token(ann, servers[name], **columns)
        servers["None"] = make_server("None")
    page = client.get_page(LIST)

    for name, (_, status, action) in {**states, "None": ({}, "No token", "Save token")}.items():
        row = row_of(page, servers[name])
        cells = [words(cell.text) for cell in page.find("td") if row in cell.parents]
        button = next(words(one.text) for one in page.find("summary") if row in one.parents)
        assert cells[1] == status
        assert button.startswith(f"{action} {name}")
    assert "6 tokens need you. 4 are not sent until you act. 2 expire within 14 days." in words(page.text)


def test_a_server_that_was_disabled_is_shown_to_those_who_hold_a_token_for_deleting_only(
    app: Flask, client: PageClient, ann: User, github: Server
) -> None:
    with app.app_context():
        make_token(ann, github)
        make_server("Other", is_enabled=False)
        db.session.get_one(Server, github.id).is_enabled = False
        db.session.commit()

    page = client.get_page(LIST)

    assert "Other" not in page.text
    row = row_of(page, github)
    assert "Server disabled" in row.text
    assert not [form for form in page.find("form") if row in form.parents]
    delete = client.get_page(f"{LIST}/{github.id}/delete").form(f"{LIST}/{github.id}/delete")
    assert client.submit(delete).status_code == 303
    assert client.get(f"{LIST}/{github.id}").status_code == 404


def test_the_list_is_searched_filtered_and_counted(app: Flask, client: PageClient, ann: User) -> None:
    with app.app_context():
        for name in ("Alpha", "Beta", "100% sure_thing"):
            make_server(name)
        make_token(ann, make_server("Gamma"))

    def names(query: str) -> list[str]:
        page = client.get_page(f"{LIST}{query}")
        return [one.text.strip() for one in page.find("a", class_="name")]

    assert names("") == ["100% sure_thing", "Alpha", "Beta", "Gamma"]
    assert names("?q=ALPH") == ["Alpha"]
    assert names("?q=%25") == names("?q=_") == ["100% sure_thing"]
    assert names("?status=saved") == ["Gamma"]
    assert names("?status=none&q=bet") == ["Beta"]
    chips = client.get_page(f"{LIST}?status=saved").find("ul", class_="chips")[0]
    assert words(chips.text) == "All 4 Need you 0 With a token 1 No token 3 Saved 1"
    assert names("?status=held") == ["Gamma"]
    found = client.get_page(f"{LIST}?q=gamma&status=none")
    assert words(found.find("ul", class_="chips")[0].text) == (
        "Found for “gamma”: All 1 Need you 0 With a token 1 No token 0"
    )
    assert found.find("div", id="results")[0].attributes["data-found"] == "0 servers found"
    nothing = client.get_page(f"{LIST}?q=%3Cscript%3E")
    assert "No server here matches “<script>”." in words(nothing.text)
    assert client.get(f"{LIST}?status=bogus").status_code == 422


def test_fifty_a_page_and_where_one_is(app: Flask, client: PageClient, ann: User) -> None:
    with app.app_context():
        for number in range(120):
            db.session.add(_server(number))
        db.session.commit()
    first = client.get_page(LIST)
    assert "1–50 of 120" in first.text

    second = client.get_page(_link(first, "Next"))
    third = client.get_page(_link(second, "Next"))

    assert "51–100 of 120" in second.text
    assert "101–120 of 120" in third.text
    assert not [one for one in third.find("a") if "Next" in one.text]
    assert _link(third, "To the first page") == LIST
    some = client.get_page(f"{LIST}?q=server+1")
    assert "1–20 of 20" in some.text


def test_the_number_of_queries_does_not_depend_on_the_number_of_servers_and_nothing_is_unsealed(
    app: Flask, client: PageClient, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object) -> None:
        raise AssertionError("the list unsealed a token")

    with app.app_context():
        for number in range(1000):
            db.session.add(_server(number))
        db.session.commit()
        make_token(ann, make_server("AAA"))
        engine = db.engine
    monkeypatch.setattr(Vault, "unseal", refuse)
    count = _counting(engine)

    client.get_page(LIST)

    assert count() <= 7


def test_what_a_catalogue_says_is_text_and_its_links_lead_to_web_pages_only(
    app: Flask, client: PageClient, ann: User
) -> None:
    with app.app_context():
        server = make_server(
            "<script>alert(1)</script>\u202egnp",
            token_help_url="javascript:alert(1)",
            token_help="<img src=x onerror=alert(1)>",
            token_placeholder='"><script>',
        )
        good = make_server("Good", token_help_url="https://good.example.com/tokens")
        make_token(ann, server)

    for path in (
        LIST,
        f"{LIST}/{server.id}",
        f"{LIST}/{server.id}/delete",
        "/playground",
        f"/playground/{server.id}",
    ):
        answer = client.get(path)
        assert "javascript:" not in answer.text
        assert "<script>alert" not in answer.text
        assert "\u202e" not in answer.text
    links = [link.attributes for link in client.get_page(f"{LIST}/{good.id}").find("a", target="_blank")]
    assert [(link["href"], link["rel"]) for link in links] == [
        ("https://good.example.com/tokens", "noopener noreferrer")
    ]


def test_the_token_field_asks_browsers_to_keep_their_hands_off(
    client: PageClient, ann: User, github: Server
) -> None:
    for path in (LIST, f"{LIST}/{github.id}"):
        field = client.get_page(path).find("input", name="token")[0].attributes
        assert (field["type"], field["autocomplete"], field["value"]) == ("password", "new-password", "")
        assert (field["spellcheck"], field["autocapitalize"]) == ("false", "none")
        assert int(field["maxlength"]) >= 8192


def test_an_empty_catalogue_and_an_empty_account_say_what_to_do(
    app: Flask, client: PageClient, ann: User
) -> None:
    assert "No servers yet" in client.get_page(LIST).text

    with app.app_context():
        make_server()

    assert "You have saved no token yet" in client.get_page(LIST).text


def test_one_person_sees_and_touches_nothing_of_another(
    app: Flask, client: PageClient, ann: User, github: Server
) -> None:
    with app.app_context():
        bob = make_user("bob@example.com")
        make_token(bob, github)

    assert CANARY_HINT not in client.get_page(LIST).text
    path = f"{LIST}/{github.id}/delete"
    form = client.get_page(LIST).form(f"{LIST}/{github.id}")

    assert client.post(path, data={"csrf_token": form.values["csrf_token"]}).status_code == 303
    assert len(saved(app)) == 1


@pytest.mark.parametrize("number", ["0", "999999", "99999999999", "1e3", "-1"])
def test_a_server_that_is_not_there_is_not_found(client: PageClient, ann: User, number: str) -> None:
    for path in (f"{LIST}/{number}", f"{LIST}/{number}/delete", f"/playground/{number}"):
        assert client.get(path).status_code == 404


# SQLite keeps no zones.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_last_day_there_is_can_be_shown_wherever_the_database_stands(
    app: Flask, client: PageClient, ann: User, github: Server
) -> None:
    with app.app_context():
        make_token(ann, github, expires_at=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
        name = db.engine.url.database
        db.session.execute(db.text(f"ALTER DATABASE \"{name}\" SET timezone TO 'Pacific/Kiritimati'"))
        db.session.commit()
        databases.dispose(app)
    try:
        page = client.get_page(LIST)
    finally:
        with app.app_context():
            db.session.execute(db.text(f'ALTER DATABASE "{name}" RESET timezone'))
            db.session.commit()

    assert "9999" in row_of(page, github).text
