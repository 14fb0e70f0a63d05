"""Addresses written into the database past the catalogue's checks: pages show them for what they are."""

from __future__ import annotations

import pytest
from flask import Flask

from app.extensions import db
from app.models import AuditEvent, Server, Token, User
from tests.factories import PASSWORD, make_token
from tests.pages import Page, PageClient

LIST = "/settings/tokens"
SAVED_FOR = "https://mcp.github.com/mcp"
#: Address → what the page has to say of it. PostgreSQL takes no NUL, and 2,048 characters.
HOSTILE = {
    "https://mcp.gіthub.com/mcp": ("xn--gthub-n2e.com", "mcp.g\\u0456thub.com"),
    "https://mcp.git\u200bhub.com/mcp": ("mcp.git\\u200bhub.com",),
    "https://\u202emoc.buhtig.pcm/mcp": ("\\u202emoc.buhtig.pcm",),
    "https://MCP.github.com/mcp": ("The host is the same name, written with other capitals",),
    "https://mcp.github.com./mcp": ("The host is the same name", "a dot at its end"),
    "https://mcp.github.com:8443/mcp": ("What differs: port.",),
    "https://mcp.github.com/mcp#x": ("what follows the #",),
    "https://mcp.github.com@evil.example/mcp": ("before an @", "whoever runs evil.example would get"),
    "https://mcp.git\thub.com/\r\nmcp\x1b": ("mcp.git\\u0009hub.com/\\u000d\\u000amcp\\u001b",),
    "https://good.example\uff0fevil.example/": ("good.example\\uff0fevil.example",),
    "https://[::1/mcp": ("whoever runs",),
    "http://mcp.github.com/mcp": ("without encryption",),
    f"https://{'a' * 1900}.example/mcp": ("a" * 1900,),
}
#: Those that an admin could have entered in the page.
FIT = {"https://MCP.github.com/mcp", "https://mcp.github.com:8443/mcp", "http://mcp.github.com/mcp"}


def words(page: Page) -> str:
    return " ".join(page.text.split())


@pytest.fixture
def server_id(app: Flask, ann: User, github: Server) -> int:
    with app.app_context():
        db.session.execute(db.text("UPDATE mcp_servers SET url = :url"), {"url": SAVED_FOR})
        db.session.commit()
        make_token(ann, github)
    return github.id


def move(app: Flask, address: str) -> None:
    with app.app_context():
        db.session.execute(db.text("UPDATE mcp_servers SET url = :url"), {"url": address})
        db.session.commit()


def test_each_page_shows_what_really_differs_and_no_page_fails(
    app: Flask, client: PageClient, server_id: int
) -> None:
    here, bench = f"{LIST}/{server_id}", f"/playground/{server_id}"
    confirm = f"{here}/confirm-address"
    for address, told in HOSTILE.items():
        move(app, address)

        page = client.get_page(confirm)

        said = words(page)
        assert all(one in said for one in told), (address, said)
        marks = [one.text for one in page.find("mark")]
        assert marks, address
        assert not [one for one in "".join(marks) if not "\x21" <= one <= "\x7e"], (address, marks)
        assert ("cannot be confirmed here" in said) == (address not in FIT)
        assert bool(page.find("input", name="password")) == (address in FIT), address
        for path in (LIST, here, f"{here}/delete", f"{LIST}/delete-all", bench, "/playground"):
            text = client.get_page(path).text
            assert address.isascii() or not set(text) & {letter for letter in address if letter > "\x7f"}, (
                path,
                address,
            )
            assert "\x1b" not in text


def test_what_is_confirmed_is_the_very_text_and_an_unfit_address_gets_no_form(
    app: Flask, client: PageClient, server_id: int
) -> None:
    confirm = f"{LIST}/{server_id}/confirm-address"
    move(app, "https://MCP.github.com/mcp")
    form = client.get_page(confirm).form(confirm)
    move(app, "https://MСP.github.com/mcp")

    answer = client.submit(form, password=PASSWORD)

    assert answer.status_code == 422
    assert "address changed meanwhile" in words(Page(answer.text))
    assert not Page(answer.text).find("input", name="password")
    move(app, "https://MCP.github.com/mcp")
    assert client.submit(client.get_page(confirm).form(confirm), password=PASSWORD).status_code == 303
    with app.app_context():
        assert db.session.scalars(db.select(Token.bound_url)).one() == "https://MCP.github.com/mcp"


def test_a_token_can_be_deleted_whatever_the_address_is(
    app: Flask, client: PageClient, server_id: int
) -> None:
    for address in HOSTILE:
        move(app, address)
        with app.app_context():
            user, server = db.session.scalars(db.select(User)).one(), db.session.get_one(Server, server_id)
            make_token(user, server)
        path = f"{LIST}/{server_id}/delete"

        assert client.submit(client.get_page(path).form(path)).status_code == 303, address

    with app.app_context():
        assert db.session.query(Token).count() == 0
        hosts = db.session.scalars(db.select(AuditEvent.server_host)).all()
        assert max(len(host or "") for host in hosts) == 300
