"""What is not available to a person does not exist for them, whichever way they come.

The routes are those of the matrix, so a new one is tried here too. Ben has nothing to do with the server; Ann
holds a token for it from before, and may read its name beside that token and nothing else of it; Carol
administers, and is a person like Ben in Settings and Playground.
"""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from app.models import AuditEvent, Server
from tests.contracts.test_actors import MATRIX, send
from tests.factories import PASSWORD, make_group, make_server, make_token, make_user
from tests.pages import PageClient

NAME = "Zanzibar"
#: Of everything else that the row of the server holds.
MARKS = ("zz-slug", "zz-host", "zz-help", "zz-link", "zz-placeholder", "zz-probe", "zz-header", "zz-about")
#: Where Ann, who holds a token, still meets the server, in this order.
ANNS = {
    ("GET", "/settings/tokens/{disabled}"): 200,
    ("GET", "/settings/tokens/{disabled}/delete"): 200,
    ("GET", "/api/mcp-servers/{disabled}/auth-token"): 200,
    ("POST", "/settings/tokens/{disabled}/delete"): 303,
    # By then it is deleted, and the server is not there.
    ("DELETE", "/api/mcp-servers/{disabled}/auth-token"): 404,
}
BY_SERVER = [route for route in MATRIX if "{disabled}" in route[1] and "admin" not in route[1]]
BY_PERSON = [path for method, path in MATRIX if "{" not in path and "admin" not in path and method == "GET"]


@pytest.fixture
def hidden(app: Flask) -> int:
    with app.app_context():
        ann, _ben, dora = (make_user(f"{name}@example.com") for name in ("ann", "ben", "dora"))
        make_user("carol@example.com", admin=True)
        server = make_server(
            NAME,
            slug="zz-slug",
            url="https://zz-host.example.com/mcp",
            description="zz-about",
            token_help="zz-help",
            token_help_url="https://example.com/zz-link",
            token_placeholder="zz-placeholder",
            probe_tool="zz-probe",
            extra_headers={"X-A": "zz-header"},
        )
        make_server("Open")
        make_token(ann, server)
        make_group("Team", [dora], [server])
        return server.id


def visitor(app: Flask, name: str) -> PageClient:
    client = app.test_client()
    assert isinstance(client, PageClient)
    client.sign_in(f"{name}@example.com", PASSWORD)
    return client


def everything(app: Flask) -> dict[str, Any]:
    """Return every row but those of the ledger and the sessions."""
    tables = ("mcp_servers", "mcp_auth_tokens", "groups", "group_members", "server_groups")
    with app.app_context():
        return {name: db.session.execute(db.text(f"SELECT * FROM {name}")).all() for name in tables}  # noqa: S608


@pytest.mark.parametrize("name", ["ben", "carol"])
def test_to_whom_it_is_not_available_no_route_knows_it(app: Flask, hidden: int, name: str) -> None:
    client, before = visitor(app, name), everything(app)
    heard = []

    for method, path in BY_SERVER:
        answer = send(client, method, path.format(disabled=hidden), MATRIX[method, path].sent)
        nothing = send(client, method, path.format(disabled=2**31 - 1), MATRIX[method, path].sent)
        assert answer.status_code == nothing.status_code == 404, f"{method} {path}"
        heard.append(answer.text + str(answer.headers))
    for path in BY_PERSON:
        with client.get(path, follow_redirects=True) as answer:
            heard.append(answer.text + str(answer.headers))
    for query in ("zanzibar", "zz-host", "zz-slug"):
        for path in ("/settings/tokens", "/playground", "/api/mcp-servers"):
            heard.append(client.get(f"{path}?q={query}").text.replace(query, ""))
            heard.append(client.get(f"{path}?status=attention&q={query}").text.replace(query, ""))

    for text in heard:
        assert not [mark for mark in (NAME, *MARKS) if mark in text]
    assert everything(app) == before
    with app.app_context():
        theirs = db.select(AuditEvent).where(
            AuditEvent.server_id == hidden, AuditEvent.actor_name.like(f"{name}%")
        )
        assert db.session.scalars(theirs).all() == []


def test_who_still_holds_a_token_reads_its_name_and_can_delete_it_alone(app: Flask, hidden: int) -> None:
    client, before = visitor(app, "ann"), everything(app)
    heard = []

    for method, path in BY_SERVER:
        if (method, path) not in ANNS:
            answer = send(client, method, path.format(disabled=hidden), MATRIX[method, path].sent)
            assert answer.status_code == 404, f"{method} {path}"
            heard.append(answer.text)
    for path in BY_PERSON:
        with client.get(path, follow_redirects=True) as answer:
            heard.append(answer.text + str(answer.headers))
    for query in ("zz-host", "zz-slug"):
        for path in ("/settings/tokens", "/api/mcp-servers"):
            text = client.get(f"{path}?q={query}").text.replace(query, "")
            assert NAME not in text
            heard.append(text)
    assert everything(app) == before

    listed = client.get("/api/mcp-servers?q=zanzi").get_json()["items"]
    assert [(one["name"], one["available"], one["url"], one["slug"]) for one in listed] == [
        (NAME, False, None, None)
    ]
    assert listed[0]["token"]["remedy"] == "delete"
    assert NAME not in client.get("/playground").text
    for (method, path), status in ANNS.items():
        answer = send(client, method, path.format(disabled=hidden), {})
        assert answer.status_code == status, f"{method} {path}"
        heard.append(answer.text + str(answer.headers))

    for text in heard:
        assert not [mark for mark in MARKS if mark in text]
    assert everything(app)["mcp_auth_tokens"] == []
    assert client.get(f"/settings/tokens/{hidden}").status_code == 404
    assert NAME in client.get("/settings/activity").text


def test_the_row_says_that_it_is_no_longer_available(app: Flask, hidden: int) -> None:
    client = visitor(app, "ann")

    row = client.get_page("/settings/tokens").find("tr", id=f"server-{hidden}")[0]
    page = client.get_page(f"/settings/tokens/{hidden}")
    every = client.get_page("/settings/tokens/delete-all")

    assert "No longer available to you" in row.text
    assert "Replace" not in row.text
    assert not [one for one in page.find("form") if "settings" in one.attributes["action"]]
    assert page.find("a", href=f"/settings/tokens/{hidden}/delete")
    assert "No longer available to you." in every.text


def test_a_server_that_was_given_back_is_there_again_with_its_token(app: Flask, hidden: int) -> None:
    client = visitor(app, "ann")
    with app.app_context():
        db.session.execute(db.update(Server).where(Server.id == hidden).values(for_everyone=True))
        db.session.commit()

    state = client.get("/api/mcp-servers?q=zz-host").get_json()["items"][0]

    assert (state["available"], state["url"]) == (True, "https://zz-host.example.com/mcp")
    assert state["token"]["status"] == "saved"
