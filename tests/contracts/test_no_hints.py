"""What admins and auditors get to see holds no hint, and nothing of theirs uses another's token.

Every route of theirs is asked for, as the map of routes has it: one that is added is in this test.
"""

from __future__ import annotations

import json
import re

import pytest
from flask import Flask

from app.extensions import db
from app.mcp.demo_server import build_demo_server
from app.models import AuditEvent, Server, Token, User
from app.services import accounts
from tests.contracts.test_routes import routes_of
from tests.factories import ACTOR, PASSWORD, make_server, make_token, make_user
from tests.mcp_servers.running import running
from tests.pages import PageClient

#: Ends of tokens, each of which would be noticed wherever it stood.
ENDS = ("qZ7x", "Wk9v", "Jb3t")
ADMINS = ("/admin/", "/api/admin/")
#: Stand-ins for what routes have in angle brackets.
ARGUMENTS = {"user_id": "user", "server_id": "server"}
FORMATS = ("csv", "jsonl")
#: What would sign the admin out, or delete what is looked for.
LEAVES = re.compile("delete|session|log|sign-up|^/admin/tokens/|^/api/admin/tokens/")


@pytest.fixture
def planted(app: Flask) -> dict[str, int]:
    """Let Ann hold tokens whose hints are recognisable, in the states in which pages say most of one."""
    with app.app_context():
        ann = make_user("ann@example.com")
        make_user("carol@example.com", admin=True)
        make_user("dora@example.com")
        accounts.set_role("dora@example.com", "auditor", ACTOR)
        servers = [make_server(f"Server {end}"[:7]) for end in ENDS]
        for server, end in zip(servers, ENDS, strict=True):
            make_token(ann, server, f"a-token-that-ends-with-{end}")
        servers[1].is_enabled = False
        servers[2].url = "https://moved.example.com/mcp"
        db.session.commit()
        hints = set(db.session.scalars(db.select(Token.token_hint)))
        assert hints == {f"...{end}" for end in ENDS}
        return {"user": ann.id, "server": servers[0].id}


def paths(app: Flask, ids: dict[str, int], method: str) -> list[str]:
    """Return the path of every route of admins that takes this method."""
    found = []
    for rule, takes in routes_of(app):
        if takes != method or not rule.rule.startswith(ADMINS):
            continue
        path = rule.rule
        for argument in rule.arguments:
            if argument == "form":
                continue
            # An id of anything else may not be there: 404 is an answer too.
            path = path.replace(f"<int:{argument}>", str(ids.get(ARGUMENTS.get(argument, ""), 1)))
        found += [path.replace("<form>", form) for form in FORMATS] if "<form>" in path else [path]
    return found


def assert_no_end(text: str, where: str) -> None:
    assert not [end for end in ENDS if end in text], f"a hint is in {where}"


def sign_in(app: Flask, email: str) -> PageClient:
    client = app.test_client()
    assert isinstance(client, PageClient)
    client.sign_in(email, PASSWORD)
    return client


def test_the_owner_does_see_the_hints_so_that_they_would_be_noticed(
    app: Flask, planted: dict[str, int]
) -> None:
    page = sign_in(app, "ann@example.com").get_page("/settings/tokens")

    assert all(f"...{end}" in page.text for end in ENDS)


@pytest.mark.parametrize("email", ["carol@example.com", "dora@example.com"])
def test_no_page_or_answer_for_admins_and_auditors_holds_a_hint(
    app: Flask, planted: dict[str, int], email: str
) -> None:
    client = sign_in(app, email)
    token = client.csrf_token()
    queries = ("", *(f"?{name}={planted[of]}" for name, of in (("person", "user"), ("server", "server"))))

    seen = 0
    for path in paths(app, planted, "GET"):
        for query in (*queries, "?status=attention", "?q=e"):
            answer = client.get(path + query)
            assert answer.status_code in {200, 303, 404, 422}, f"{path}: {answer.status_code}"
            assert_no_end(answer.text + str(answer.headers), path)
            seen += answer.status_code == 200
    changes = [("POST", path) for path in paths(app, planted, "POST")]
    changes += [(method, path) for method in ("PATCH", "DELETE") for path in paths(app, planted, method)]
    for method, path in changes:
        given = (
            {"headers": {"X-CSRFToken": token}, **({"json": {}} if method != "DELETE" else {})}
            if path.startswith("/api/")
            else {"data": {"csrf_token": token, "version": "1.1"}}
        )
        answer = client.open(path, method=method, follow_redirects=True, **given)
        assert_no_end(answer.text + str(answer.headers), f"{method} {path}")

    assert seen > (15 if email.startswith("carol") else 1)


def test_neither_the_ledger_nor_a_command_holds_a_hint(app: Flask, planted: dict[str, int]) -> None:
    commands = (
        *(["tokens", *words] for words in (["list"], ["list", "--json"], ["status", "--json"], ["verify"])),
        ["tokens", "list", "--person", "ann@example.com"],
        ["tokens", "list", "--server", "1"],
        ["tokens", "expiring"],
        ["tokens", "ask", "ann@example.com", "1"],
        ["tokens", "delete", "ann@example.com", "1", "--yes"],
        ["servers", "list"],
        ["users", "list"],
        *(["audit", "export", "--format", form] for form in FORMATS),
    )

    for words in commands:
        result = app.test_cli_runner().invoke(args=words)
        assert result.exit_code == 0, result.output
        assert_no_end(result.output, " ".join(words))
    with app.app_context():
        for event in db.session.scalars(db.select(AuditEvent)):
            assert_no_end(json.dumps(event.details) + event.outcome, event.action)


def test_nothing_that_an_admin_can_send_uses_checks_confirms_or_calls_with_anothers_token(
    app: Flask, planted: dict[str, int]
) -> None:
    text = f"a-token-that-ends-with-{ENDS[0]}"
    with running(build_demo_server(text).streamable_http_app()) as server:
        app.extensions["egress"] = server.egress
        with app.app_context():
            # It is good for this server and bound to its address: whatever sent it would succeed.
            row = db.session.get_one(Server, planted["server"])
            row.url = server.url
            db.session.commit()
            make_token(db.session.get_one(User, planted["user"]), row, text)
        carol = sign_in(app, "carol@example.com")
        token = carol.csrf_token()
        others = {"user_id": planted["user"], "person": "ann@example.com", "email": "ann@example.com"}

        for rule, method in routes_of(app):
            if method == "GET" or LEAVES.search(rule.rule):
                continue
            path = rule.rule
            for argument in rule.arguments:
                path = path.replace(f"<int:{argument}>", str(planted[ARGUMENTS.get(argument, "user")]))
            for more in ({}, others):
                if path.startswith("/api/"):
                    body = ({"tool": "whoami"} if path.endswith("/call") else {}) | more
                    carol.open(path, method=method, json=body, headers={"X-CSRFToken": token})
                else:
                    form = {"csrf_token": token, "address": server.url, "tool": "whoami"} | more
                    carol.open(path, method=method, data=form | {"version": "1.1"}, query_string=more)

        assert carol.get("/api/session").json["email"] == "carol@example.com"
        assert not server.received(ENDS[0])
        with app.app_context():
            ann = AuditEvent.subject_user_id == planted["user"]
            done = set(db.session.scalars(db.select(AuditEvent.action).where(ann)))
            assert not done & {"token.used", "token.checked", "token.address_confirmed", "token.use_ended"}
            # What an admin may do is to take the server away.
            row = db.session.get_one(Server, planted["server"])
            row.is_enabled = row.for_everyone = True
            db.session.commit()
        # Its owner's very next request sends it: the watch is not blind.
        owner = sign_in(app, "ann@example.com")
        path = f"/api/mcp-servers/{planted['server']}/auth-token/check"
        answer = owner.post(path, headers={"X-CSRFToken": owner.csrf_token()})
        assert answer.json["result"] == "accepted"
        assert server.received(ENDS[0])
