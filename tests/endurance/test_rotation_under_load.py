"""A rotation while people save, replace, delete and call: every acknowledged write is the final value.

CI rotates 1,000 rows; `ROTATION_ROWS=10000` is the long form.
"""

from __future__ import annotations

import hashlib
import os
import random
import secrets
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.extensions import db
from app.mcp.egress import Egress
from app.models import Server, Token, User
from app.services import accounts, tokens
from app.services.call_slots import CallSlots
from app.services.keys import Keys, Secrets
from app.services.playground import Call, call_tool
from app.services.rotation import RotationReport, rotate_tokens
from app.services.tokens import NewToken
from app.services.uses import Door
from tests.endurance.many_tokens import add_tokens, plaintexts
from tests.factories import ACTOR, make_server, make_user
from tests.mcp_servers.running import Running, running

ROWS = int(os.environ.get("ROTATION_ROWS", "1000"))
CLIENTS = 4
SERVERS_EACH = 5


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def what_came(scope: Any, receive: Any, send: Any) -> None:
    """An MCP server of the handshake era that takes any token and answers with its digest."""
    request = Request(scope, receive)
    message = await request.json() if request.method == "POST" else {}
    answer: Response = Response(status_code=405 if request.method != "POST" else 202)
    if "id" in message:
        result: dict[str, Any] = {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "digest", "version": "1"},
        }
        if message["method"] == "tools/call":
            came = digest(request.headers.get("authorization", "").removeprefix("Bearer "))
            result = {"content": [{"type": "text", "text": came}]}
        if message["method"] == "tools/list":
            result = {"tools": [{"name": "digest", "inputSchema": {"type": "object"}}]}
        if message["method"] in {"initialize", "tools/list", "tools/call"}:
            answer = JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": result})
        else:
            error = {"code": -32601, "message": "Method not found"}
            answer = JSONResponse({"jsonrpc": "2.0", "id": message["id"], "error": error})
    await answer(scope, receive, send)


@pytest.fixture
def remote() -> Iterator[Running]:
    with running(what_came) as server:
        yield server


class Client(threading.Thread):
    """One person who saves, deletes and calls on servers of their own until told to stop."""

    def __init__(self, app: Flask, number: int, keys: Keys, egress: Egress) -> None:
        super().__init__()
        self.app, self.keys = app, keys
        self.door = Door(keys, egress, ACTOR, CallSlots(1))
        self.dice = random.Random(number)  # noqa: S311 - order of acts
        self.email = f"client-{number}@example.com"
        #: Server id → the last token that was acknowledged as saved; None: deleted.
        self.acknowledged: dict[int, str | None] = {}
        self.stop = threading.Event()
        self.acts = 0
        self.failures: list[str] = []

    def run(self) -> None:
        with self.app.app_context():
            user = accounts.find_user(self.email)
            assert user is not None
            while not self.stop.is_set():
                try:
                    self.act(user, self.dice.choice(list(self.acknowledged)))
                except Exception as error:
                    db.session.rollback()
                    self.failures.append(repr(error))
                self.acts += 1
            db.session.remove()

    def act(self, user: User, server_id: int) -> None:
        saved = self.acknowledged[server_id]
        act = self.dice.choice(["save", "save", "delete", "call", "call"])
        if act == "delete":
            tokens.delete_token(user, server_id, ACTOR)
            self.acknowledged[server_id] = None
        elif act == "save" or saved is None:
            text = f"tok_{secrets.token_urlsafe(18)}"
            tokens.save_token(user, server_id, NewToken(text), keys=self.keys, actor=ACTOR)
            self.acknowledged[server_id] = text
        else:
            called = call_tool(user, server_id, Call("digest", {}), None, door=self.door)
            if called.result.content[0]["text"] != digest(saved):
                self.failures.append("another token was sent than the one last acknowledged")


def test_every_acknowledged_write_survives_a_rotation(app: Flask, remote: Running) -> None:
    old, new = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    with app.app_context():
        add_tokens(Keys(Secrets(old)).vault_for_sealing(), ROWS)
        keys = Keys(Secrets(new, (old,)))
        clients = [Client(app, number, keys, remote.egress) for number in range(CLIENTS)]
        for client in clients:
            user = make_user(client.email)
            for number in range(SERVERS_EACH):
                server = make_server(f"{client.email} {number}", url=f"{remote.url}?{client.email}-{number}")
                text = f"tok_{secrets.token_urlsafe(18)}"
                tokens.save_token(user, server.id, NewToken(text), keys=Keys(Secrets(old)), actor=ACTOR)
                client.acknowledged[server.id] = text
        before = plaintexts(keys.vault_for_reading())[:ROWS]
    for client in clients:
        client.start()

    reports = [rotate(app, keys)]
    while min(client.acts for client in clients) < 20:
        reports.append(rotate(app, keys))
    for client in clients:
        client.stop.set()
    for client in clients:
        client.join()

    assert [failure for client in clients for failure in client.failures] == []
    assert reports[0].rotated >= ROWS
    assert reports[-1].rows_left == 0
    with app.app_context():
        vault = Keys(Secrets(new)).vault_for_reading()
        assert plaintexts(vault)[:ROWS] == before
        for client in clients:
            assert saved_by(client, Keys(Secrets(new)), remote) == client.acknowledged


def rotate(app: Flask, keys: Keys) -> RotationReport:
    with app.app_context():
        return rotate_tokens(keys, ACTOR, batch_size=50)


def saved_by(client: Client, keys: Keys, remote: Running) -> dict[int, str | None]:
    """Return server id → plaintext for one client, read with the new secret alone."""
    from app.crypto.vault import Place, Sealed

    found: dict[int, str | None] = dict.fromkeys(client.acknowledged)
    rows = db.session.execute(
        db.select(Token, Server.url, User.email)
        .join(Server, Server.id == Token.mcp_server_id)
        .join(User, User.id == Token.user_id)
        .where(User.email == client.email)
    )
    for token, url, _ in rows:
        place = Place(token.user_id, token.mcp_server_id, url)
        sealed = Sealed(token.token_encrypted, token.key_id)
        found[token.mcp_server_id] = keys.vault_for_reading().unseal(sealed, place)
    return found
