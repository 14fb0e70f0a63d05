"""Every route is private unless it is listed here, and no promised route disappears."""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import Rule

#: What a stranger may ask for. Adding to this list is a decision about strangers.
PUBLIC = {
    ("/", "GET"),
    ("/login", "GET"),
    ("/login", "POST"),
    ("/login/code", "GET"),
    ("/login/code", "POST"),
    ("/sign-up", "GET"),
    ("/sign-up", "POST"),
    ("/reset-password/<code>", "GET"),
    ("/reset-password/<code>", "POST"),
    ("/language", "POST"),
    ("/healthz", "GET"),
    ("/readyz", "GET"),
    # To whoever has METRICS_TOKEN; without that setting it is not there for anybody.
    ("/metrics", "GET"),
    ("/static/<path:filename>", "GET"),
    ("/api/session", "POST"),
    ("/api/openapi.json", "GET"),
    ("/api/docs", "GET"),
}
#: What users and programs rely on.
PROMISED = {
    ("/login", "GET"),
    ("/login", "POST"),
    ("/logout", "POST"),
    ("/language", "POST"),
    ("/sign-up", "GET"),
    ("/sign-up", "POST"),
    ("/settings/tokens", "GET"),
    ("/settings/tokens/<int:server_id>", "GET"),
    ("/settings/tokens/<int:server_id>", "POST"),
    ("/settings/tokens/<int:server_id>/delete", "GET"),
    ("/settings/tokens/<int:server_id>/delete", "POST"),
    ("/settings/sessions", "GET"),
    ("/settings/account", "GET"),
    ("/admin/servers", "GET"),
    ("/admin/servers/<int:server_id>", "GET"),
    ("/admin/servers/<int:server_id>", "POST"),
    ("/admin/servers/<int:server_id>/groups", "GET"),
    ("/admin/servers/<int:server_id>/groups", "POST"),
    ("/admin/groups", "GET"),
    ("/admin/groups", "POST"),
    ("/admin/groups/<int:group_id>", "GET"),
    ("/admin/groups/<int:group_id>", "POST"),
    ("/admin/groups/<int:group_id>/delete", "GET"),
    ("/admin/groups/<int:group_id>/delete", "POST"),
    ("/admin/servers/new", "GET"),
    ("/admin/servers/new", "POST"),
    ("/admin/servers/<int:server_id>/enable", "POST"),
    ("/admin/servers/<int:server_id>/disable", "POST"),
    ("/admin/servers/<int:server_id>/delete", "GET"),
    ("/admin/servers/<int:server_id>/delete", "POST"),
    ("/admin/servers/<int:server_id>/try", "POST"),
    ("/admin/servers/import", "GET"),
    ("/admin/servers/import", "POST"),
    ("/admin/servers/import/reviewed", "POST"),
    ("/admin/servers/export", "GET"),
    ("/admin/users", "GET"),
    ("/admin/users/invite", "GET"),
    ("/admin/users/invite", "POST"),
    ("/admin/users/<int:user_id>", "GET"),
    ("/admin/users/<int:user_id>/invitation", "POST"),
    ("/admin/users/<int:user_id>/disable", "POST"),
    ("/admin/users/<int:user_id>/enable", "POST"),
    ("/admin/users/<int:user_id>/sign-out", "POST"),
    ("/admin/users/<int:user_id>/role", "POST"),
    ("/admin/users/<int:user_id>/delete", "GET"),
    ("/admin/users/<int:user_id>/delete", "POST"),
    ("/admin/tokens", "GET"),
    ("/admin/tokens/<int:user_id>/<int:server_id>/ask", "POST"),
    ("/admin/tokens/<int:user_id>/<int:server_id>/delete", "GET"),
    ("/admin/tokens/<int:user_id>/<int:server_id>/delete", "POST"),
    ("/playground", "GET"),
    ("/playground/<int:server_id>", "GET"),
    ("/playground/<int:server_id>", "POST"),
    ("/admin/encryption", "GET"),
    ("/healthz", "GET"),
    ("/readyz", "GET"),
    ("/metrics", "GET"),
    ("/api/session", "GET"),
    ("/api/session", "POST"),
    ("/api/session", "DELETE"),
    ("/api/mcp-servers", "GET"),
    ("/api/mcp-servers/<int:server_id>/auth-token", "GET"),
    ("/api/mcp-servers/<int:server_id>/auth-token", "POST"),
    ("/api/mcp-servers/<int:server_id>/auth-token", "DELETE"),
    ("/api/playground/<int:server_id>/tools", "POST"),
    ("/api/playground/<int:server_id>/call", "POST"),
    ("/api/admin/servers", "GET"),
    ("/api/admin/servers", "POST"),
    ("/api/admin/servers/<int:server_id>", "DELETE"),
    ("/api/admin/servers/<int:server_id>/try", "POST"),
    ("/api/admin/servers/<int:server_id>", "GET"),
    ("/api/admin/servers/<int:server_id>", "PATCH"),
    ("/api/admin/users", "GET"),
    ("/api/admin/users", "POST"),
    ("/api/admin/users/<int:user_id>", "GET"),
    ("/api/admin/users/<int:user_id>", "PATCH"),
    ("/api/admin/users/<int:user_id>", "DELETE"),
    ("/api/admin/users/<int:user_id>/offboarding", "GET"),
    ("/api/admin/users/<int:user_id>/totp", "DELETE"),
    ("/api/admin/users/<int:user_id>/sessions", "DELETE"),
    ("/api/admin/users/<int:user_id>/invitation", "POST"),
    ("/api/admin/servers/<int:server_id>/groups", "GET"),
    ("/api/admin/servers/<int:server_id>/groups", "PUT"),
    ("/api/admin/groups", "GET"),
    ("/api/admin/groups", "POST"),
    ("/api/admin/groups/<int:group_id>", "GET"),
    ("/api/admin/groups/<int:group_id>", "PATCH"),
    ("/api/admin/groups/<int:group_id>", "DELETE"),
    ("/api/admin/groups/<int:group_id>/members", "GET"),
    ("/api/admin/groups/<int:group_id>/members/<int:user_id>", "PUT"),
    ("/api/admin/groups/<int:group_id>/members/<int:user_id>", "DELETE"),
    ("/api/admin/tokens", "GET"),
    ("/api/admin/tokens/<int:user_id>/<int:server_id>/ask", "POST"),
    ("/api/admin/tokens/<int:user_id>/<int:server_id>", "DELETE"),
    ("/api/admin/servers/import", "POST"),
    ("/api/admin/servers/export", "GET"),
    ("/api/openapi.json", "GET"),
}
#: Stand-ins for what routes have in angle brackets.
ARGUMENTS = {"int": "1", "default": "x", "path": "x"}


def routes_of(app: Flask) -> list[tuple[Rule, str]]:
    """Return every route with each of its methods, but those that Werkzeug answers by itself."""
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def path_of(rule: Rule) -> str:
    parts = rule.rule.replace("<", "\0<").replace(">", ">\0").split("\0")
    return "".join(
        ARGUMENTS[part[1:-1].rpartition(":")[0] or "default"] if part.startswith("<") else part
        for part in parts
    )


def test_a_stranger_is_sent_away_from_everything_that_is_not_listed(app: Flask) -> None:
    client = app.test_client()

    open_to_all = []
    for rule, method in routes_of(app):
        if (rule.rule, method) in PUBLIC:
            continue
        answer = client.open(path_of(rule), method=method)
        sent_to_sign_in = answer.status_code == 303 and answer.headers["Location"].startswith("/login")
        if not (sent_to_sign_in or answer.status_code == 401):
            open_to_all.append(f"{method} {rule.rule}: {answer.status_code}")

    assert open_to_all == []


def test_everything_listed_as_public_is_there_and_asks_for_no_sign_in(app: Flask) -> None:
    known = {(rule.rule, method) for rule, method in routes_of(app)}
    client = app.test_client()

    assert known >= PUBLIC
    for path in ("/login", "/healthz", "/api/openapi.json", "/api/docs"):
        assert client.get(path).status_code == 200


def test_no_promised_route_disappears(app: Flask) -> None:
    known = {(generalised(rule.rule), method) for rule, method in routes_of(app)}

    assert {(generalised(path), method) for path, method in PROMISED} - known == set()


def generalised(rule: str) -> str:
    """Return the rule with its argument's name left out, which no caller sees."""
    return rule.replace("server_id", "").replace(":id", ":")
