"""Admin → Servers: trying one out."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskCliRunner
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app.extensions import db
from app.models import AuditEvent, Server
from app.services import servers
from app.services.call_slots import CallSlots
from tests.factories import ACTOR, make_server, make_token, make_user
from tests.mcp_servers import bad, good
from tests.mcp_servers.running import running
from tests.pages import Page, PageClient
from tests.web.admin.test_server_acts import press
from tests.web.admin.test_servers_pages import read, saved, words


def tried(app: Flask, carol: PageClient, server: Any, **columns: Any) -> Page:
    app.extensions["egress"] = server.egress
    with app.app_context():
        url = columns.pop("url", server.url)
        server_id = make_server("Tried", url=url, **columns).id
        for name in ("ann", "ben"):
            make_token(make_user(f"{name}@example.com"), db.session.get_one(Server, server_id))
    return read(press(carol, server_id, "try"))


def test_trying_shows_what_it_shows_and_sends_nobodys_token(app: Flask, carol: PageClient) -> None:
    with running(good.without_token()) as server:
        page = tried(app, carol, server, transport="sse", extra_headers={"X-One": "1"})
        sent = [headers for _, path, headers in server.requests if path == "/mcp"]

    text = words(page)
    assert "Works without a token" in text
    assert "The catalogue says that it needs a token." in text
    assert "Streamable HTTP — the catalogue says SSE, of old servers" in text
    assert "2026-07-28, stateless" in text
    assert "No sign of it at this host." in text
    assert not [headers for headers in sent if {"authorization", "cookie"} & headers.keys()]
    assert all(headers["x-one"] == "1" for headers in sent)
    with app.app_context():
        recorded = db.session.scalars(db.select(AuditEvent.action)).all()
        assert not [action for action in recorded if action.startswith(("token.used", "server."))]


def test_trying_a_disabled_server_that_wants_a_token_says_so(app: Flask, carol: PageClient) -> None:
    with running(good.demo()) as server:
        app.extensions["egress"] = server.egress
        with app.app_context():
            server_id = make_server("Demo", url=server.url, is_enabled=False, token_required=False).id
        text = words(read(press(carol, server_id, "try")))

    assert "Wants a token" in text
    assert "It refuses whoever comes without a token (401)" in text
    assert "The catalogue says that it may not need a token." in text


def test_a_server_that_misbehaves_is_told_in_words_of_ours(app: Flask, carol: PageClient) -> None:
    with running(bad.faulty("http://127.0.0.1:1/secret-place")) as server:
        text = words(tried(app, carol, server, url=f"http://{server.host_port}/redirect"))

    assert "It sent us to another address." in text
    assert "secret-place" not in text


def test_where_nobody_may_go_looks_like_where_nothing_listens(app: Flask, carol: PageClient) -> None:
    texts = []
    for number, url in enumerate(("https://127.0.0.1:9/mcp", "https://10.0.0.1/mcp", "https://[::1]:9/")):
        with app.app_context():
            server_id = make_server("Nowhere", slug=f"nowhere-{number}", url=url).id
        texts.append(words(read(press(carol, server_id, "try"))).replace(url, ""))

    assert "It could not be reached." in texts[0]
    assert len(set(texts)) == 1


def test_while_every_slot_is_taken_it_is_said_and_nothing_waits(
    app: Flask, carol: PageClient, github: int
) -> None:
    app.extensions["call_slots"] = slots = CallSlots(1)
    with slots.take(99):
        answer = press(carol, github, "try")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Too many calls are waiting" in read(answer).text


def test_no_transaction_is_open_while_it_waits(app: Flask, carol: PageClient) -> None:
    """The server is changed in the catalogue while it answers: on SQLite, nobody could otherwise."""
    with app.app_context():
        server_id = make_server("Tried").id

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await run_in_threadpool(change)
        await Response(status_code=401)(scope, receive, send)

    def change() -> None:
        with app.app_context():
            servers.set_enabled(server_id, False, ACTOR)

    with running(asgi) as server:
        app.extensions["egress"] = server.egress
        with app.app_context():
            db.session.execute(db.update(Server).values(url=server.url))
            db.session.commit()
        page = read(press(carol, server_id, "try"))

    assert "Wants a token" in page.text
    assert not saved(app, server_id)["is_enabled"]


def test_a_server_that_is_deleted_while_it_answers_is_not_there(
    app: Flask, carol: PageClient, runner: FlaskCliRunner
) -> None:
    def delete() -> None:
        with app.app_context():
            db.session.execute(db.delete(Server))
            db.session.commit()

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await run_in_threadpool(delete)
        await Response(status_code=401)(scope, receive, send)

    with running(asgi) as server:
        app.extensions["egress"] = server.egress
        with app.app_context():
            server_id = make_server("Tried", slug="tried", url=server.url).id
        answer = press(carol, server_id, "try")
        with app.app_context():
            make_server("Tried", slug="tried", url=server.url)
        command = runner.invoke(args=["servers", "try", "tried"])

    assert answer.status_code == 404
    assert (command.exit_code, command.output) == (1, "Error: There is no server with this slug or id.\n")
