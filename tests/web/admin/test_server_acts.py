"""Admin → Servers: adding, enabling and disabling."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.extensions import db
from app.models import AuditEvent, Server, Token
from tests.factories import make_group, make_server
from tests.pages import Form, PageClient
from tests.web.admin.test_servers_pages import LIST, events, path_of, read, saved, words

NEW = f"{LIST}/new"
ADDRESS = "https://mcp.example.com/mcp"


def new_form(client: PageClient) -> Form:
    return client.get_page(NEW).form(NEW)


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
