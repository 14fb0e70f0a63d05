"""Admin → Servers → Import: files or a text, a review, and then what was ticked; and the export beside it."""

from __future__ import annotations

import json
import re
import time
import zlib
from base64 import urlsafe_b64encode
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse, encode_multipart

from app.extensions import db
from app.models import AuditEvent, Server, Token
from app.web.admin.carried_files import pack, unpack
from tests.factories import PASSWORD, make_server, make_token, make_user
from tests.pages import Page, PageClient

DATA = Path(__file__).parents[2] / "data" / "registry"
UPLOAD = "/admin/servers/import"
REVIEWED = "/admin/servers/import/reviewed"
NEW = "https://new.example.com/mcp"


def entry(name: str, url: str, *headers: dict[str, Any], **facts: Any) -> dict[str, Any]:
    remote = {"type": "streamable-http", "url": url, "headers": list(headers)}
    return {"name": name, "remotes": [remote], **facts}


def send(
    client: PageClient, text: str | None = None, files: list[tuple[bytes, str]] | None = None
) -> TestResponse:
    """Send the form of the page with this text, or these files of (content, name)."""
    fields: dict[str, Any] = dict(client.get_page(UPLOAD).form(UPLOAD).values)
    fields["text"] = text or ""
    fields["file"] = [FileStorage(BytesIO(content), name) for content, name in files or [(b"", "")]]
    # Written here: the client would leave the file open in which it writes a long one.
    boundary, body = encode_multipart(MultiDict(fields))
    return client.post(UPLOAD, data=body, content_type=f"multipart/form-data; boundary={boundary}")


def review(client: PageClient, document: Any) -> Page:
    answer = send(client, json.dumps(document))
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def fields_of(page: Page) -> MultiDict[str, str]:
    """Return the form of a review as a browser sends it: a name may be there many times."""
    [form] = page.find("form", action=REVIEWED)
    fields: MultiDict[str, str] = MultiDict()
    for one in page.find("input", "select"):
        is_box = one.attributes.get("type") == "checkbox"
        if form in one.parents and (not is_box or "checked" in one.attributes):
            fields.add(one.attributes["name"], one.attributes.get("value", ""))
    return fields


def go_on(client: PageClient, page: Page, act: str = "import", **changes: Any) -> TestResponse:
    fields = fields_of(page)
    for name, value in ({"act": act} | changes).items():
        fields.setlist(name, value if isinstance(value, list) else [value])
    return client.post(REVIEWED, data=fields)


def addresses(app: Flask) -> list[str]:
    with app.app_context():
        return sorted(db.session.scalars(db.select(Server.url)))


def words(page: Page) -> str:
    return " ".join(page.text.split())


@pytest.fixture
def octo(app: Flask, carol: PageClient) -> int:
    """Return the id of a server that came from an entry, for which Ann and Ben hold tokens."""
    with app.app_context():
        server = make_server("Octo", slug="octo", registry_name="com.octo/mcp")
        for name in ("ann", "ben"):
            make_token(make_user(f"{name}@example.com"), server)
        return server.id


MOVED = entry("com.octo/mcp", NEW, title="Octo")


def test_the_real_files_are_reviewed_at_once_and_imported(app: Flask, carol: PageClient) -> None:
    files = [(path.read_bytes(), path.name) for path in sorted(DATA.iterdir())]

    page = Page(send(carol, files=files).text)

    assert "64 new, 0 changed, 0 the same" in words(page)
    assert "Not supported yet, so it is disabled: It wants 2 secrets (X-Api-Key, X-Api-Token)" in words(page)
    assert "Cloudflare · docs and 14 more servers" in words(page)
    assert "it has only packages to run, no address to call 2" in words(page)
    assert addresses(app) == []

    done = go_on(carol, page)

    assert (done.status_code, done.location) == (303, "/admin/servers")
    assert "64 servers added, 0 changed." in carol.get_page("/admin/servers").text
    assert len(addresses(app)) == 64
    again = Page(send(carol, files=files).text)
    assert "0 new, 0 changed, 64 the same" in words(again)
    assert not again.find("button", value="import")


def test_only_what_is_ticked_is_imported(app: Flask, carol: PageClient) -> None:
    page = review(carol, [entry(f"com.a/{name}", f"https://{name}.example.com/mcp") for name in "abc"])

    assert fields_of(page).getlist("take") == ["com.a/a", "com.a/b", "com.a/c"]
    none = Page(go_on(carol, page, "none").text)
    assert fields_of(none).getlist("take") == []
    every = Page(go_on(carol, none, "all").text)
    assert len(fields_of(every).getlist("take")) == 3

    assert go_on(carol, every, take=["com.a/b"]).status_code == 303
    assert addresses(app) == ["https://b.example.com/mcp"]


def test_a_tick_that_holds_tokens_says_so_and_is_not_there_by_itself(
    app: Flask, carol: PageClient, octo: int
) -> None:
    page = review(carol, [MOVED, entry("com.other/mcp", "https://other.example.com/mcp")])

    assert fields_of(page).getlist("take") == ["com.other/mcp"]
    assert "With the tick, the tokens of 2 people are put on hold" in words(page)
    assert f"https://mcp-1.example.com/mcp → {NEW}" in words(page)
    go_on(carol, page)
    assert NEW not in addresses(app)

    page = review(carol, [MOVED])
    assert go_on(carol, page, take=["com.octo/mcp"]).status_code == 303

    assert NEW in addresses(app)
    assert (
        "0 servers added, 1 changed, the tokens of 2 people put on hold."
        in carol.get_page("/admin/servers").text
    )
    with app.app_context():
        event = db.session.scalars(db.select(AuditEvent).filter_by(action="server.address_changed")).one()
        assert (event.details, event.actor_name) == ({"held_tokens": 2}, "carol@example.com")


def test_a_new_remote_of_a_closed_entry_is_closed_and_one_that_is_gone_is_said_to_be_gone(
    app: Flask, carol: PageClient, octo: int
) -> None:
    with app.app_context():
        server = db.session.get_one(Server, octo)
        server.is_enabled, server.for_everyone = False, False
        make_server("Gone", registry_name="com.gone/mcp", url="https://gone.example.com/mcp")
        make_server("Left", registry_name="com.gone/mcp", url="https://left.example.com/mcp")
        both = entry("com.octo/mcp", server.url)
        db.session.commit()
    both["remotes"].append({"type": "streamable-http", "url": NEW})

    page = review(carol, [both, entry("com.gone/mcp", "https://left.example.com/mcp")])

    assert "The other servers of its entry are disabled, so this one is too." in words(page)
    assert "nobody sees it until you choose groups for it" in words(page)
    assert "It is gone from its entry, so it is disabled. Tokens stay." in words(page)
    assert "Not supported yet" not in words(page)


def test_everything_that_a_new_server_would_have_is_shown(carol: PageClient) -> None:
    key = {"name": "X-Key", "description": "Get it at https://evil.example.com/login", "placeholder": "k-…"}
    org = {"name": "X-Org", "value": "everybodys"}
    document = {"server": entry("com.a/mcp", NEW, key, org, description="Wipes disks")}
    own = {"slug": "a", "probeTool": "wipe", "enabled": False, "forEveryone": False}
    document["_meta"] = {"mcp-market/catalogue": {"remotes": [own]}}

    page = review(carol, document)

    for said in (
        *("DescriptionWipes disks", "Further headersX-Org: everybodys", "Probe toolwipe"),
        *("Link to that pagehttps://evil.example.com/login", "What a token looks likek-…"),
        *("Enabledno", "For everyoneno", "X-Key: ••••"),
    ):
        # A term and its description, with nothing between them but their elements.
        assert said in words(page)
    assert not page.find("del")


@pytest.mark.parametrize("what", ["token", "server", "deleted"])
def test_another_plan_than_the_one_in_sight_is_shown_again_and_nothing_written(
    app: Flask, carol: PageClient, octo: int, what: str
) -> None:
    page = review(carol, [MOVED, entry("com.other/mcp", "https://other.example.com/mcp")])
    with app.app_context():
        if what == "token":
            db.session.delete(db.session.scalars(db.select(Token).limit(1)).one())
        elif what == "server":
            db.session.get_one(Server, octo).description = "Somebody else's"
        else:
            db.session.delete(db.session.get_one(Server, octo))
        db.session.commit()
    before = addresses(app)

    asked = go_on(carol, page, take=["com.octo/mcp", "com.other/mcp"])

    assert (asked.status_code, addresses(app)) == (422, before)
    again = Page(asked.text)
    assert "This is another plan than the one you had in sight" in words(again)
    assert "com.other/mcp" in fields_of(again).getlist("take")
    assert go_on(carol, again).status_code == 303


@pytest.mark.parametrize("act", ["import", "again"])
def test_a_tick_made_before_somebody_saved_a_token_is_no_consent_to_hold_it(
    app: Flask, carol: PageClient, act: str
) -> None:
    with app.app_context():
        octo = make_server("Octo", registry_name="com.octo/mcp").id
    page = review(carol, [MOVED, entry("com.other/mcp", "https://other.example.com/mcp")])
    assert "com.octo/mcp" in fields_of(page).getlist("take")
    with app.app_context():
        make_token(make_user("ann@example.com"), db.session.get_one(Server, octo))

    again = Page(go_on(carol, page, act).text)

    assert "the token of 1 person is put on hold" in words(again)
    assert fields_of(again).getlist("take") == ["com.other/mcp"]
    go_on(carol, again)
    assert NEW not in addresses(app)


def test_what_entries_leave_open_is_asked_filled_in_and_not_asked_again(
    app: Flask, carol: PageClient
) -> None:
    org = {"name": "X-Org", "isRequired": True, "description": "Whose it is"}
    document = [entry("com.a/mcp", "https://{tenant}.example.com/mcp", {"name": "X-Key"}, org)]
    page = review(carol, document)
    assert "Whose it is" in page.text and "0 new" in page.text
    names = {"value:com.a/mcp:tenant", "value:com.a/mcp:X-Org"}
    assert names <= fields_of(page).keys()

    filled = Page(go_on(carol, page, "again", **dict.fromkeys(names, "acme")).text)

    assert "https://acme.example.com/mcp" in filled.text
    assert fields_of(filled).getlist("take") == ["com.a/mcp"]
    assert addresses(app) == []
    assert go_on(carol, filled).status_code == 303
    assert addresses(app) == ["https://acme.example.com/mcp"]

    again = review(carol, document)

    assert "0 new, 0 changed, 1 the same, 0 left out" in words(again)
    assert words(again).count("kept from the catalogue: acme") == 2
    assert all(fields_of(again)[name] == "" for name in names)


def test_filling_in_and_importing_in_one_step_shows_what_came_of_it_first(
    app: Flask, carol: PageClient
) -> None:
    page = review(
        carol,
        [entry("com.a/mcp", "https://{tenant}.example.com/mcp"), entry("com.b/mcp", "https://b.example.com")],
    )

    asked = go_on(carol, page, **{"value:com.a/mcp:tenant": "acme"})

    assert (asked.status_code, addresses(app)) == (422, [])
    assert go_on(carol, Page(asked.text)).status_code == 303
    assert len(addresses(app)) == 2


def test_an_answer_that_looks_like_a_token_is_refused_and_not_shown(carol: PageClient) -> None:
    page = review(carol, [entry("com.a/mcp", "https://{tenant}.example.com/mcp")])

    refused = go_on(carol, page, "again", **{"value:com.a/mcp:tenant": "ghp_" + "a1" * 18})

    assert refused.status_code == 422
    assert "looks like a token" in refused.text and "a1a1" not in refused.text


@pytest.mark.parametrize(
    ("text", "files", "sentence"),
    [
        ("", [], "Choose a file, or paste its text."),
        ("{", [], "This is not JSON."),
        ("[" * 100_000, [], "This JSON is nested too deeply."),
        ("[]", [(b"[]", "a.json")], "Choose files or paste a text, not both at once."),
        ("", [(b"\xff\xfe\x00", "s3cr3t.json")], "This is not JSON."),
        ("", [(b"[]", "a.json")] * 101, "At most 100 files are read at once."),
        ("", [(b"[]", "a.json"), (b"nope", "b.json")], "This is not JSON."),
    ],
)
def test_what_cannot_be_read_is_said_and_not_given_back(
    carol: PageClient, text: str, files: list[tuple[bytes, str]], sentence: str
) -> None:
    answer = send(carol, text, files)

    assert answer.status_code == 422
    page = Page(answer.text)
    assert page.find("p", id="file-error")[0].text == sentence
    assert not page.find("textarea")[0].text.strip()
    assert "s3cr3t" not in answer.text and "nope" not in answer.text


def test_a_body_beyond_its_limit_is_refused_with_the_way_out(app: Flask, carol: PageClient) -> None:
    declared = send(carol, "x" * (13 * 1024 * 1024))
    over = send(carol, files=[(b"[" + b" " * (9 * 1024 * 1024) + b"]", "a.json")])

    for answer in (declared, over):
        assert answer.status_code == 413
        assert "flask servers import" in answer.text


def test_the_large_limit_is_of_admins_and_of_this_page_alone(app: Flask, carol: PageClient) -> None:
    with app.app_context():
        make_user("ann@example.com")
    ann = app.test_client()
    assert isinstance(ann, PageClient)
    ann.sign_in("ann@example.com", PASSWORD)
    long = {"text": "x" * 200_000}

    assert ann.post(UPLOAD, data=long | {"csrf_token": ann.csrf_token()}).status_code == 413
    assert carol.post("/admin/servers/1", data=long).status_code == 413
    assert app.test_client().post(UPLOAD, data=long).status_code in {303, 413}


def bomb() -> str:
    return urlsafe_b64encode(zlib.compress(b"[" + b" " * 60_000_000 + b"]")).decode("ascii")


@pytest.mark.parametrize(
    "carried",
    ["", "x", "é", "AAAA", pack(["[]"])[:-8], urlsafe_b64encode(zlib.compress(b"7")).decode(), pack(["{"])],
)
def test_carried_files_are_read_as_strictly_as_sent_ones(app: Flask, carol: PageClient, carried: str) -> None:
    page = review(carol, [entry("com.a/mcp", "https://a.example.com/mcp")])

    answer = go_on(carol, page, carried=carried)

    assert answer.status_code == 422
    assert "This is not JSON." in answer.text
    assert addresses(app) == []


def test_a_small_text_does_not_become_a_large_one(carol: PageClient) -> None:
    page = review(carol, [])
    packed = bomb()
    assert len(packed) < 200_000

    assert go_on(carol, page, carried=packed).status_code == 422
    assert unpack(pack(['{"a": "한국 \\u0041"}', ""])) == ['{"a": "한국 \\u0041"}', ""]


def test_a_review_without_the_token_of_the_page_is_refused(carol: PageClient) -> None:
    page = review(carol, [])

    assert go_on(carol, page, csrf_token="x").status_code == 400


def test_hostile_entries_are_shown_as_text_and_named_for_what_they_are(app: Flask, carol: PageClient) -> None:
    with app.app_context():
        make_server("By hand", url="https://a.example.com/mcp")
    header = {
        "name": "X-Key",
        "description": "<script>alert(1)</script> javascript:alert(2)",
        "placeholder": "</textarea><b>",
    }
    page = review(
        carol,
        [
            entry("com.a/mcp", "https://a.example.com/mcp", header, title="<img src=x onerror=alert(1)>"),
            entry("com.a/MCP", "https://b.example.com/mcp", title="A\u202egnp.exe"),
            entry('com.b/"><script>', "https://b.example.com/mcp"),
            entry("com.c/mcp", "https://c.example.com/a\r\nHost: evil"),
            entry("com.d/mcp", "javascript:alert(1)"),
            entry(
                "com.e/mcp", "https://e.example.com", {"name": "X-A\r\nB", "value": "1", "isRequired": True}
            ),
            entry(
                "com.f/mcp", "https://f.example.com", {"name": "Authorization", "value": "Bearer of-everyone"}
            ),
        ],
    )

    assert not page.find("img") and len(page.find("script")) == 1
    assert "Another server has this very address: By hand" in words(page)
    assert "Its name differs from another entry's in capitals alone: com.a/mcp" in words(page)
    assert "the address has characters that do not belong into one" in page.text
    assert "the address does not begin with https://" in page.text
    assert "of-everyone" not in page.text
    assert "\u202e" not in page.text
    assert go_on(carol, page).status_code == 303
    with app.app_context():
        links = db.session.scalars(db.select(Server.token_help_url))
        assert not any(link for link in links)


def test_thousands_of_entries_are_reviewed_and_imported_in_time(app: Flask, carol: PageClient) -> None:
    # One name and one address for all: whatever is compared with all others shows.
    url = "https://a.example.com/mcp"
    document = [entry(f"com.a/s{number}", url, {"name": "X-Key"}, title="MCP") for number in range(2000)]
    document.append(entry("com.a/remotes", url))
    document[-1]["remotes"] *= 2000
    fields = {"csrf_token": carol.csrf_token(), "text": json.dumps(document)}
    started = time.monotonic()

    # Past the checks of `tests.pages`, which take longer than the page.
    boundary, body = encode_multipart(MultiDict(fields))
    form = {"data": body, "content_type": f"multipart/form-data; boundary={boundary}"}
    page = FlaskClient.open(carol, UPLOAD, method="POST", **form).text
    hidden = dict(re.findall(r'<input [^>]*name="(carried|plan)"[^>]* value="([^"]*)"', page))
    taken = re.findall(r'name="take" type="checkbox" value="([^"]*)" checked', page)
    answer = carol.post(REVIEWED, data=fields | hidden | {"text": "", "take": taken})

    assert (len(taken), answer.status_code) == (2001, 303)
    assert time.monotonic() - started < 60
    with app.app_context():
        assert db.session.scalar(db.select(db.func.count()).select_from(Server)) == 2001
        assert db.session.scalar(db.select(Server.slug).where(Server.slug == "mcp-2000"))


def test_the_export_is_a_file_that_imports_again_unchanged(app: Flask, carol: PageClient, octo: int) -> None:
    answer = carol.get("/admin/servers/export")

    assert answer.mimetype == "application/json"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="servers.json"'
    page = Page(send(carol, files=[(answer.data, "servers.json")]).text)
    assert "0 new, 0 changed, 1 the same, 0 left out" in words(page)
    assert carol.get_page("/admin/servers").find("a", href="/admin/servers/export")
    assert not re.search("ann@|ben@|people", answer.text)
