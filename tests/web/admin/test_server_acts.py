"""Admin → Servers: adding, enabling, disabling, deleting and trying out."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from werkzeug.test import TestResponse

from app import clock
from app.extensions import db
from app.models import AuditEvent, Server, Token, User
from app.services import servers
from app.services.call_slots import CallSlots
from tests.canary import CANARY_HINT
from tests.factories import ACTOR, PASSWORD, make_group, make_server, make_token, make_user
from tests.mcp_servers import bad, good
from tests.mcp_servers.running import running
from tests.pages import Form, Page, PageClient
from tests.web.admin.test_servers_pages import LIST, events, path_of, read, saved, words

NEW = f"{LIST}/new"
ADDRESS = "https://mcp.example.com/mcp"


def new_form(client: PageClient) -> Form:
    return client.get_page(NEW).form(NEW)


def delete_form(client: PageClient, server_id: int) -> Form:
    path = f"{path_of(server_id)}/delete"
    return client.get_page(path).form(path)


def press(client: PageClient, server_id: int, act: str) -> TestResponse:
    return client.submit(client.get_page(path_of(server_id)).form(f"{path_of(server_id)}/{act}"))


def only(app: Flask) -> Server:
    with app.app_context():
        return db.session.scalars(db.select(Server)).one()


def test_a_name_and_an_address_make_a_server(app: Flask, carol: PageClient) -> None:
    page = carol.get_page(NEW)
    assert "Authorization: Bearer ••••" in page.text
    assert carol.get_page(LIST).find("a", href=NEW)

    answer = carol.submit(page.form(NEW), name="Octo", url=ADDRESS)

    server = only(app)
    assert (answer.status_code, answer.location) == (303, path_of(server.id))
    assert (server.name, server.url, server.slug) == ("Octo", ADDRESS, "octo")
    assert (server.auth_header_name, server.auth_value_format) == ("Authorization", "Bearer {token}")
    assert (server.token_required, server.is_enabled, server.registry_name) == (True, True, None)
    assert events(app) == [("server.created", {})]
    assert "Octo is in the catalogue." in carol.get_page(path_of(server.id)).text


@pytest.mark.parametrize(
    ("header", "written", "kept", "sent"),
    [
        ("X-API-Key", "", "{token}", "X-API-Key: ••••"),
        ("authorization", " ", "Bearer {token}", "authorization: Bearer ••••"),
        ("Authorization", "App {token}", "App {token}", "Authorization: App ••••"),
    ],
)
def test_an_empty_format_is_the_usual_one_of_its_header(
    app: Flask, carol: PageClient, header: str, written: str, kept: str, sent: str
) -> None:
    fields = {"auth_header_name": header, "auth_value_format": written, "url": ADDRESS}

    wrong = carol.submit(new_form(carol), **fields)
    right = carol.submit(read(wrong).form(NEW), name="Octo")

    assert sent in read(wrong).text
    assert right.status_code == 303
    assert only(app).auth_value_format == kept
    assert sent in carol.get_page(right.location).text


def test_a_server_can_be_added_for_nobody_yet(app: Flask, carol: PageClient) -> None:
    values = new_form(carol).values | {"name": "Octo", "url": ADDRESS}
    assert values.pop("is_enabled")

    assert carol.post(NEW, data=values).status_code == 303

    assert not only(app).is_enabled


def test_a_server_can_be_added_for_no_group_yet_and_leads_to_choosing_them(
    app: Flask, carol: PageClient
) -> None:
    values = new_form(carol).values | {"name": "Octo", "url": ADDRESS}
    assert values.pop("for_everyone")

    answer = carol.post(NEW, data=values)

    assert (only(app).for_everyone, only(app).is_enabled) == (False, True)
    assert answer.location == f"{path_of(only(app).id)}/groups"
    assert "for nobody yet" in carol.get_page(answer.location).text
    with app.app_context():
        told = db.session.scalars(db.select(AuditEvent).order_by(AuditEvent.id.desc()).limit(2))
        assert [(one.action, one.outcome) for one in told] == [
            ("server.changed", "for_nobody"),
            ("server.created", "ok"),
        ]


def test_what_is_wrong_with_a_new_server_is_said_and_everything_typed_is_kept(
    app: Flask, carol: PageClient
) -> None:
    typed = {
        "name": "<b>Octo</b>",
        "url": "http://mcp.example.com/mcp",
        "transport": "sse",
        "auth_header_name": "Cookie",
        "auth_value_format": "App {token}",
        "extra_headers": "X-One: 1",
        "token_help": "Under Settings.",
        "probe_tool": "whoami",
    }
    app.extensions["egress"] = type(app.extensions["egress"])(frozenset(), plain_http=False)

    answer = carol.submit(new_form(carol), **typed)

    page = read(answer)
    form = page.form(NEW)
    assert answer.status_code == 422
    assert {name: form.values[name] for name in typed} == typed
    assert page.find("p", id="url-error") or page.find("p", id="auth_header_name-error")
    assert "open" in page.find("details")[0].attributes
    assert "<b>" not in answer.text
    with app.app_context():
        assert db.session.scalars(db.select(Server)).all() == []


#: Headers that may carry no token, and a part of the reason.
REFUSED_HEADERS = {
    "Host": "names the website",
    "COOKIE": "cookies are kept",
    "Set-Cookie": "cookies are kept",
    "Content-Length": "how long the message is",
    "transfer-encoding": "how long the message is",
    "Accept-Encoding": "how long the message is",
    "Connection": "machines on the way",
    "Proxy-Authorization": "machines on the way",
    "Mcp-Session-Id": "every MCP connection",
    "Accept": "every MCP connection",
    "User-Agent": "into their logs",
    "X-Forwarded-For": "into their logs",
    "Referer": "into their logs",
    "X-HTTP-Method-Override": "another method or address",
}


def test_a_header_that_may_carry_no_token_is_refused_with_the_reason_at_its_field(
    carol: PageClient,
) -> None:
    form = new_form(carol)
    for header, why in REFUSED_HEADERS.items():
        answer = carol.submit(form, name="Octo", url=ADDRESS, auth_header_name=header)

        error = read(answer).find("p", id="auth_header_name-error")[0].text
        assert answer.status_code == 422
        assert error.startswith("This header may not carry a token:")
        assert why in error, header
        assert error.endswith("Most servers want Authorization.")


def test_no_letter_of_a_host_can_look_like_another_one(app: Flask, carol: PageClient) -> None:
    # The first letter is Cyrillic; the name is what its admin wants it to be.
    carol.submit(new_form(carol), name="\u0430pple", url="https://\u0430pple.example/mcp")
    server_id = only(app).id
    with app.app_context():
        # Past the form.
        raw = make_server("Raw", url="https://\u0440aypal.example\u202e/\u0441")
        raw_id = raw.id

    for path in (LIST, path_of(server_id), f"{path_of(server_id)}/delete"):
        text = carol.get_page(path).text
        assert "xn--pple-43d.example" in text
        assert "\u0430pple.example" not in text
    for path in (LIST, f"{path_of(raw_id)}/delete"):
        text = carol.get_page(path).text
        assert "\u0440aypal" not in text
        assert "xn--aypal-uye" in text
        assert "\u202e" not in text
    assert carol.get_page(path_of(server_id)).form(path_of(server_id)).values["url"].isascii()


def test_disabling_keeps_the_tokens_and_says_what_it_means(
    app: Flask, carol: PageClient, github: int
) -> None:
    page = carol.get_page(path_of(github))
    assert "the tokens stay, and their owners can only delete them" in words(page)

    answer = press(carol, github, "disable")

    assert (answer.status_code, answer.location) == (303, path_of(github))
    page = carol.get_page(path_of(github))
    assert "Disabled: nobody's token is sent to it." in page.text
    assert not saved(app, github)["is_enabled"]
    with app.app_context():
        assert db.session.scalar(db.select(db.func.count(Token.id))) == 2
    form = page.form(f"{path_of(github)}/enable")
    for said in ("Enabled: people see it.", "It was enabled already."):
        carol.submit(form)
        assert said in carol.get_page(path_of(github)).text
    assert saved(app, github)["is_enabled"]
    assert events(app) == [("server.changed", {})] * 2


def test_pages_say_for_whom_a_server_is_and_lead_there_and_to_its_tokens(
    app: Flask, carol: PageClient, github: int
) -> None:
    with app.app_context():
        nobodys = make_server("Nobody's", is_enabled=False, for_everyone=False).id
        make_group("Team", (), [make_server("Team's", is_enabled=False)])
        teams = github + 2

    catalogue = carol.get_page(LIST)
    enabled = [read(carol.get(press(carol, one, "enable").location)) for one in (nobodys, teams)]
    everyones = carol.get_page(path_of(github))

    told = {one.attributes["href"]: one.text.strip() for one in catalogue.find("a")}
    assert told[f"{path_of(nobodys)}/groups"] == "For nobody"
    assert told[f"{path_of(teams)}/groups"] == "For 1 group"
    assert f"{path_of(github)}/groups" not in told
    assert told[f"/admin/tokens?server={github}"] == "2"
    assert everyones.find("a", href=f"/admin/tokens?server={github}")
    assert "Enabled, but it is there for nobody yet" in enabled[0].text
    assert enabled[0].find("a", href=f"{path_of(nobodys)}/groups")[0].text == "Nobody"
    assert "Enabled: the people of its groups see it." in enabled[1].text
    assert enabled[1].find("a", href=f"{path_of(teams)}/groups")[0].text == "Some groups"


def test_why_an_import_disabled_it_is_shown(app: Flask, carol: PageClient) -> None:
    with app.app_context():
        server_id = make_server("Two", is_enabled=False, disabled_reason="It wants 2 secrets.").id

    assert "It wants 2 secrets." in carol.get_page(path_of(server_id)).text


def test_getting_never_changes_anything(carol: PageClient, github: int) -> None:
    for act in ("enable", "disable", "try"):
        assert carol.get(f"{path_of(github)}/{act}").status_code == 405


def test_before_deleting_the_page_says_whose_tokens_go_and_no_hint(
    app: Flask, carol: PageClient, github: int
) -> None:
    with app.app_context():
        server = db.session.get_one(Server, github)
        server.token_help_url = "https://example.com/tokens"
        db.session.execute(
            db.update(Token).where(Token.user_id == 2).values(bound_url="https://old.example.com/")
        )
        db.session.commit()

    page = carol.get_page(f"{path_of(github)}/delete")

    text = words(page)
    assert "The tokens of 2 people go with it, for good." in text
    assert "Nothing is revoked at the provider" in text
    assert page.find("a", href="https://example.com/tokens")
    rows = [" ".join(row.text.split()) for row in page.find("tr")[1:]]
    assert sorted(rows) == ["ann@example.comOn hold", "ben@example.comSaved"]
    assert [" ".join(item.text.split()) for item in page.find("li") if "1" in item.text] == [
        "On hold 1",
        "Saved 1",
    ]
    assert CANARY_HINT not in page.text
    assert "...a1b2" not in page.text


def test_many_people_are_told_page_by_page(app: Flask, carol: PageClient) -> None:
    with app.app_context():
        server_id = make_server("Many").id
        with_tokens(server_id, 61)
    first = carol.get_page(f"{path_of(server_id)}/delete")
    on = next(link for link in first.find("a") if link.text.startswith("Next"))

    second = carol.get_page(on.attributes["href"])

    assert [len(page.find("tr")) - 1 for page in (first, second)] == [50, 11]
    for page in (first, second):
        assert "The tokens of 61 people go with it" in words(page)
    form = second.form(f"{path_of(server_id)}/delete")
    assert carol.submit(form, name="Many").status_code == 303


def with_tokens(server_id: int, people: int) -> None:
    """Add people and their tokens as rows: nobody signs in as one of them."""
    now, url = clock.now(), db.session.get_one(Server, server_id).url
    facts: dict[str, Any] = {"display_name": "P", "password_hash": "-", "created_at": now}
    rows = [User(email=f"p{number:02}@example.com", **facts) for number in range(people)]
    db.session.add_all(rows)
    db.session.flush()
    facts = {"mcp_server_id": server_id, "token_encrypted": "sealed", "key_id": "key", "bound_url": url}
    db.session.add_all(Token(user_id=row.id, created_at=now, updated_at=now, **facts) for row in rows)
    db.session.commit()


@pytest.mark.parametrize("typed", ["GitHub", "  GitHub ", "\uff27itHub", "server-1"])
def test_with_its_name_typed_it_goes_with_every_token_and_each_owner_reads_it(
    app: Flask, carol: PageClient, github: int, typed: str
) -> None:
    answer = carol.submit(delete_form(carol, github), name=typed)

    assert (answer.status_code, answer.location) == (303, LIST)
    text = words(carol.get_page(LIST))
    assert "GitHub is deleted. The tokens of 2 people went with it" in text
    with app.app_context():
        assert db.session.scalars(db.select(Token)).all() == []
        assert db.session.get(Server, github) is None
    assert events(app) == [("server.deleted", {"deleted_tokens": 2})]
    ann = app.test_client()
    assert isinstance(ann, PageClient)
    ann.sign_in("ann@example.com", PASSWORD)
    activity = words(ann.get_page("/settings/activity"))
    assert "Token for GitHub deleted, because the server was deleted" in activity
    assert "by carol@example.com" in activity


NO_NAMES = ("", " ", "github", "GitHu", "GitHub2", "Git\u04bbub", "\u202eGitHub", "1", "x" * 5000, "\x00")


def test_any_other_name_deletes_nothing(app: Flask, carol: PageClient, github: int) -> None:
    form = delete_form(carol, github)
    for typed in NO_NAMES:
        answer = carol.submit(form, name=typed)

        assert answer.status_code == 422
        assert "This is not its name." in read(answer).find("p", id="name-error")[0].text
    assert events(app) == []
    assert saved(app, github)


def test_no_more_is_deleted_than_was_said(app: Flask, carol: PageClient, github: int) -> None:
    form = delete_form(carol, github)
    with app.app_context():
        make_token(make_user("dan@example.com"), db.session.get_one(Server, github))

    answer = carol.submit(form, name="GitHub")

    page = read(answer)
    again = page.form(f"{path_of(github)}/delete")
    assert answer.status_code == 422
    assert "The number of tokens changed meanwhile, so nothing was deleted." in page.text
    assert "The tokens of 3 people go with it" in words(page)
    assert again.values["name"] == ""
    assert events(app) == []
    assert carol.submit(again, name="GitHub").status_code == 303
    assert events(app) == [("server.deleted", {"deleted_tokens": 3})]


def test_no_other_number_stands_for_consent(app: Flask, carol: PageClient, github: int) -> None:
    values = delete_form(carol, github).values | {"name": "GitHub"}
    for said in ("", "x", "-2", "2.0", "\uff12", "9" * 5000, "\x00"):
        answer = carol.post(f"{path_of(github)}/delete", data=values | {"deleted_tokens": said})

        assert answer.status_code == 422, said
    assert saved(app, github)


def test_what_another_admin_deleted_first_is_a_404(app: Flask, carol: PageClient, github: int) -> None:
    form = delete_form(carol, github)
    page = carol.get_page(path_of(github))
    carol.submit(form, name="GitHub")

    assert carol.submit(form, name="GitHub").status_code == 404
    for act in ("enable", "disable", "try"):
        forms = [one for one in page.find("form") if one.attributes["action"].endswith(act)]
        if forms:
            assert carol.submit(page.form(f"{path_of(github)}/{act}")).status_code == 404


def test_a_hostile_name_is_written_out_and_can_be_deleted_by_its_short_name(
    app: Flask, carol: PageClient
) -> None:
    for name in ("<script>alert(1)</script>", "\u202eevil", "a\u200bb", "日本 — %(x)s {y}"):
        with app.app_context():
            server = make_server(name)
            server_id, slug = server.id, server.slug

        page = carol.get(f"{path_of(server_id)}/delete")

        assert "<script>alert" not in page.text
        assert "\u202e" not in page.text
        assert carol.submit(delete_form(carol, server_id), name=slug).status_code == 303
        done = carol.get(LIST).text
        assert "<script>alert" not in done
        assert "\u202e" not in done


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
