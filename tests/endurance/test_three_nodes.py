"""Three nodes on one PostgreSQL and one Redis are one site, also while a secret is changed or a node dies."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from app.extensions import db
from app.models import AuditEvent, Token
from app.services import tokens
from app.services.keys import Keys, Secrets
from app.services.tokens import NewToken
from app.web.limits import IMPORT
from tests.endurance.many_tokens import add_tokens, plaintexts, token_text
from tests.endurance.nodes import Node, Visitor, restart_one_by_one, running_nodes
from tests.endurance.test_rotation_under_load import digest, what_came
from tests.factories import ACTOR, make_server, make_user
from tests.faults.redis_server import RedisServer, running_redis
from tests.mcp_servers.running import Running, running

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

ROWS = 400
#: Saves that are acknowledged before a node is killed, and again afterwards, by each of the savers.
SAVES = 15
OLD, NEW = secrets.token_urlsafe(32), secrets.token_urlsafe(32)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as server:
        yield server


@pytest.fixture
def remote() -> Iterator[Running]:
    with running(what_came) as server:
        yield server


@pytest.fixture
def nodes(
    app: Flask, database_url: str, tmp_path: Path, redis: RedisServer, remote: Running
) -> Iterator[list[Node]]:
    app.extensions["keys"] = Keys(Secrets(OLD))
    # The next secret is listed for reading already: the first step of docs/key-rotation.md.
    settings = {
        "TOKEN_ENCRYPTION_SECRET": OLD,
        "TOKEN_ENCRYPTION_PREVIOUS_SECRETS": NEW,
        "EGRESS_ALLOW": remote.host_port,
    }
    with running_nodes(tmp_path, 3, database_url, redis.url, **settings) as nodes:
        yield nodes


def assert_ledger_is_whole(node: Node) -> None:
    verdict = node.flask("audit", "verify", "--json")
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    found = json.loads(verdict.stdout)
    assert (found["ok"], found["unsealed"], found["unknown_key"]) == (True, 0, 0)


def test_a_session_and_a_limit_are_those_of_the_whole_site(app: Flask, nodes: list[Node]) -> None:
    first, second, third = nodes
    with app.app_context():
        make_user("carol@example.com", admin=True)
    carol = Visitor(nodes)
    carol.sign_in("carol@example.com", first)

    allowed = int(str(IMPORT.of_person).split()[0])
    statuses = [carol.ask("POST", "/api/admin/servers/import", {}).status_code for _ in range(allowed)]
    refused = [carol.ask_at(node, "POST", "/api/admin/servers/import", {}).status_code for node in nodes]
    before = [carol.ask_at(node, "GET", "/api/session").status_code for node in nodes]
    signed_out = carol.ask_at(third, "DELETE", "/api/session").status_code
    after = [carol.ask_at(node, "GET", "/api/session").status_code for node in nodes]

    carol.close()
    assert statuses == [422] * allowed
    assert refused == [429] * 3
    assert (before, signed_out, after) == ([200] * 3, 204, [401] * 3)
    assert_ledger_is_whole(second)


class Saver(threading.Thread):
    """One person who does the same again and again, at one node after the other, until told to stop."""

    def __init__(self, email: str, nodes: list[Node], act: Callable[[Saver], None]) -> None:
        super().__init__()
        self.visitor = Visitor(nodes)
        self.visitor.sign_in(email, nodes[0])
        self.act = act
        #: Server id → the last token that was acknowledged as saved.
        self.acknowledged: dict[int, str] = {}
        self.acts = 0
        self.stop = threading.Event()
        self.failures: list[str] = []

    def run(self) -> None:
        while not (self.stop.is_set() or self.failures):
            try:
                self.act(self)
            except Exception as error:
                self.failures.append(repr(error))
            self.acts += 1
            # A person, not a load test.
            self.stop.wait(0.02)
        self.visitor.close()

    def save(self, server_id: int) -> None:
        """Save a new token and note it once the site has said that it is saved."""
        text = f"tok_{secrets.token_urlsafe(18)}"
        answer = self.visitor.ask("POST", f"/api/mcp-servers/{server_id}/auth-token", {"token": text})
        if answer.status_code not in {200, 201}:
            self.failures.append(f"save: {answer.status_code} {answer.text}")
            return
        self.acknowledged[server_id] = text

    def use(self, server_id: int) -> None:
        """Have the token sent, and compare it with the one that was acknowledged last."""
        path, body = f"/api/playground/{server_id}/call", {"tool": "digest", "arguments": {}}
        answer = self.visitor.ask("POST", path, body)
        if answer.status_code != 200:
            self.failures.append(f"use: {answer.status_code} {answer.text}")
        elif answer.json()["content"][0]["text"] != digest(self.acknowledged[server_id]):
            self.failures.append("another token was sent than the one last acknowledged")


def stop_all(savers: list[Saver]) -> None:
    for saver in savers:
        saver.stop.set()
    for saver in savers:
        saver.join(60)
    assert [failure for saver in savers for failure in saver.failures] == []


def wait_for(savers: list[Saver], done: Callable[[Saver], bool]) -> None:
    """Return once each of them has got so far, or one has failed."""
    moment = threading.Event()
    while not all(done(saver) or saver.failures for saver in savers):
        moment.wait(0.05)


def test_a_secret_is_replaced_while_people_save_and_use_theirs(
    app: Flask, nodes: list[Node], remote: Running
) -> None:
    with app.app_context():
        add_tokens(Keys(Secrets(OLD)).vault_for_sealing(), ROWS)
        owned: dict[str, list[int]] = {}
        for name in ("ann", "ben"):
            user = make_user(f"{name}@example.com")
            servers = [
                make_server(f"{name} {number}", url=f"{remote.url}?{name}-{number}") for number in range(3)
            ]
            for server in servers:
                new = NewToken(token_text(0))
                tokens.save_token(user, server.id, new, keys=Keys(Secrets(OLD)), actor=ACTOR)
            owned[user.email] = [server.id for server in servers]
        db.session.remove()

    def act(saver: Saver) -> None:
        server_id = owned[emails[id(saver)]][saver.acts % 3]
        saver.save(server_id)
        saver.use(server_id)

    emails: dict[int, str] = {}
    savers = [Saver(email, nodes, act) for email in owned]
    emails |= {id(saver): email for saver, email in zip(savers, owned, strict=True)}
    for saver in savers:
        saver.start()

    # Then it seals on one node after the other, and then everything is sealed anew.
    restart_one_by_one(nodes, TOKEN_ENCRYPTION_SECRET=NEW, TOKEN_ENCRYPTION_PREVIOUS_SECRETS=OLD)
    rotation = nodes[0].flask("tokens", "rotate", "--batch-size", "20", "--json")
    restart_one_by_one(nodes[:1], TOKEN_ENCRYPTION_PREVIOUS_SECRETS="")
    acts = {id(saver): saver.acts for saver in savers}
    wait_for(savers, lambda saver: saver.acts > acts[id(saver)] + 3)
    stop_all(savers)

    assert rotation.returncode == 0, rotation.stdout + rotation.stderr
    report = json.loads(rotation.stdout)
    assert (report["unreadable"], report["left"]) == (0, {})
    assert report["rotated"] >= ROWS
    # Otherwise no node was ever missing.
    assert sum(saver.visitor.passed_over for saver in savers) > 0
    with app.app_context():
        vault = Keys(Secrets(NEW)).vault_for_reading()
        assert plaintexts(vault)[:ROWS] == [token_text(number) for number in range(ROWS)]
        last = [saver.acknowledged[server_id] for saver in savers for server_id in owned[emails[id(saver)]]]
        assert sorted(plaintexts(vault)[ROWS:]) == sorted(last)
    assert_ledger_is_whole(nodes[0])


def test_a_node_that_dies_takes_nothing_with_it_that_was_acknowledged(app: Flask, nodes: list[Node]) -> None:
    emails = ["ann@example.com", "ben@example.com", "dora@example.com"]
    with app.app_context():
        people = {email: make_user(email).id for email in emails}
        server_ids = [make_server(f"Server {number}").id for number in range(SAVES * 12)]
        db.session.remove()
    # Each save is a row of its own, so that none can hide another that was lost.
    savers = [
        Saver(email, nodes, lambda saver: saver.save(server_ids[saver.acts % len(server_ids)]))
        for email in emails
    ]
    for saver in savers:
        saver.start()

    wait_for(savers, lambda saver: len(saver.acknowledged) >= SAVES)
    nodes[1].kill()
    so_far = {id(saver): len(saver.acknowledged) for saver in savers}
    wait_for(savers, lambda saver: len(saver.acknowledged) >= so_far[id(saver)] + SAVES)
    stop_all(savers)

    assert sum(saver.visitor.passed_over for saver in savers) > 0
    with app.app_context():
        vault = Keys(Secrets(OLD)).vault_for_reading()
        texts = plaintexts(vault)
        rows = db.session.execute(
            db.select(Token.user_id, Token.mcp_server_id, Token.revision).order_by(Token.id)
        ).all()
        found = {(row.user_id, row.mcp_server_id): text for row, text in zip(rows, texts, strict=True)}
        saved = db.select(AuditEvent.subject_user_id, AuditEvent.server_id, db.func.count()).group_by(
            AuditEvent.subject_user_id, AuditEvent.server_id
        )
        saved = saved.where(AuditEvent.action.in_(("token.saved", "token.replaced")))
        saves = {(user_id, server_id): count for user_id, server_id, count in db.session.execute(saved)}
    for saver, email in zip(savers, emails, strict=True):
        for server_id, text in saver.acknowledged.items():
            assert found[people[email], server_id] == text
    # Each save has its event, each event its save: of none there is a half.
    assert {(row.user_id, row.mcp_server_id): row.revision for row in rows} == saves
    assert_ledger_is_whole(nodes[0])
