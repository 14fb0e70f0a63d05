"""Hostile names, descriptions, tools and results in Chromium: shown as text, and nothing else happens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from playwright.sync_api import Browser, Locator, Route, expect

from app import clock
from app.extensions import db
from app.models import LoginSession, Server, User
from app.web.foreign import visible
from app.web.headers import HEADERS
from tests import databases
from tests.browser.conftest import sign_in
from tests.browser.live_site import LiveSite, live_site
from tests.browser.watch import Watch, watched
from tests.factories import make_server, make_token, make_user
from tests.mcp_servers.hostile import ANSWERS, ECHO, QUOTES, REFUSED, SCRIPT, hostile, shown_tools
from tests.mcp_servers.hostile_texts import ELSEWHERE, LINK, MARKER, MARKUP, NAMES, NO_LINKS, TEXTS
from tests.mcp_servers.running import Running, running

pytestmark = pytest.mark.browser

EMAIL = "{{7*7}}'%s@example.com"
#: What the person's row holds once they are signed in: no address that a form of ours would take.
HOSTILE_EMAIL = f'"{SCRIPT}"@example.com'
DISPLAY_NAME = MARKUP["double quotes and element"]
AGENT = MARKUP["image"]
#: Its last four characters are the hint that pages show.
TOKEN = 'hostile-token-0123456789-"><b'
HINT = "..." + '"><b'
#: Pages about people; those that are not there yet are skipped by name.
PERSONAL = ("/settings/account", "/settings/sessions", "/settings/security", "/admin/users")


@pytest.fixture(scope="module")
def remote() -> Iterator[Running]:
    with running(hostile()) as server:
        yield server


@pytest.fixture(scope="module")
def site(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, remote: Running
) -> Iterator[LiveSite]:
    """Return a site with a server for each text, in all that a catalogue says of one, and hostile people."""
    database = databases.copy_of(sqlite_template, tmp_path_factory.mktemp("hostile"))
    with pytest.MonkeyPatch.context() as environment:
        # One person opens hundreds of pages in seconds here.
        environment.setenv("RATELIMIT_ENABLED", "off")
        with live_site(database, allow=(remote.host_port,)) as site:
            with site.app.app_context():
                fill(site, remote)
            yield site


def fill(site: LiveSite, remote: Running) -> None:
    ann = make_user(EMAIL, admin=True)
    for name in NAMES:
        make_token(ann, hostile_row(name, f"https://hostile.example/{SCRIPT}"), TOKEN)
    for number, address in enumerate(NO_LINKS):
        hostile_row(f"No link {number}.", "https://hostile.example/", token_help_url=address)
    site.demo_id = hostile_row(f"Live {SCRIPT}", remote.url, token_required=False).id


def hostile_row(text: str, url: str, token_help_url: str = LINK, **columns: object) -> Server:
    return make_server(
        text,
        url=url,
        description=text,
        token_help=f"help {text}",
        token_placeholder=f"like {text}",
        token_help_url=token_help_url,
        **columns,
    )


@pytest.fixture(scope="module")
def signed_in(browser: Browser, site: LiveSite) -> Iterator[Watch]:
    """Return the page of a hostile person, who has signed in elsewhere with a hostile browser too."""
    with watched(browser, site.url) as watch:
        sign_in(watch.page, EMAIL)
        with site.app.app_context():
            person = db.session.query(User).filter_by(email=EMAIL).one()
            person.email, person.display_name = HOSTILE_EMAIL, DISPLAY_NAME
            now = clock.now()
            session = db.session.query(LoginSession).filter_by(user_id=person.id).one()
            db.session.add(
                LoginSession(
                    session_hash="0" * 64,
                    user_id=person.id,
                    created_at=now,
                    last_seen_at=now,
                    expires_at=session.expires_at,
                    client_address=QUOTES[:45],
                    agent=AGENT,
                )
            )
            db.session.commit()
        yield watch


@pytest.fixture
def watch(signed_in: Watch) -> Iterator[Watch]:
    """Return the signed-in page; what it did since the test before counts for this one."""
    signed_in.seen.clear()
    yield signed_in
    assert signed_in.seen == []


@pytest.fixture
def stranger(browser: Browser, site: LiveSite) -> Iterator[Watch]:
    with watched(browser, site.url) as watch:
        yield watch
        assert watch.seen == []


def id_of(site: LiveSite, text: str) -> int:
    with site.app.app_context():
        return db.session.query(Server.id).filter_by(name=text).scalar()


def by_fetch(form: Locator) -> None:
    """Send a form as people do: the page's own script takes parts of the answer into the page."""
    form.get_by_role("button", name="Call").or_(form.get_by_role("button", name="List tools")).click()


def by_document(form: Locator) -> None:
    """Send a form past the page's own script: the answer is a new document, and its scripts would run."""
    with form.page.expect_navigation():
        form.evaluate("form => HTMLFormElement.prototype.submit.call(form)")


both_ways = pytest.mark.parametrize("send", [by_fetch, by_document])
Send = Callable[[Locator], None]


def list_tools(watch: Watch, site: LiveSite, send: Send) -> None:
    watch.page.goto(f"/playground/{site.demo_id}")
    send(watch.page.locator("form[data-send]"))
    watch.page.locator(".tool-list a").first.wait_for()


def panel_of(watch: Watch, tool: str) -> Locator:
    """Choose a tool by its place in the list: its name may be anything."""
    names = watch.page.locator(".tool-list .name").all_inner_texts()
    watch.page.locator(".tool-list a").nth(names.index(tool)).click()
    panel = watch.page.locator(".panel:visible")
    expect(panel.locator("h2")).to_have_text(tool)
    return panel


def call(watch: Watch, site: LiveSite, tool: str, send: Send) -> None:
    list_tools(watch, site, send)
    send(panel_of(watch, tool).locator("form"))
    watch.page.locator("#answer").wait_for()


def test_each_text_would_be_noticed_on_a_page_that_printed_it_unescaped(stranger: Watch) -> None:
    def answer(route: Route) -> None:
        text = MARKUP[unquote(route.request.url.partition("?")[2])]
        page = (
            f"<title>{text}</title><p>{text}</p><p title=\"{text}\"></p><p title='{text}'></p>"
            f"<p id={text}></p><select><option>{text}</option></select><textarea>{text}</textarea>"
            f"<p title=\"\" class=''></p>"
        )
        route.fulfill(body=page, headers={**HEADERS, "Content-Type": "text/html"})

    stranger.page.route(re.compile(r"/raw\?"), answer)
    # Whoever is told "no content" stays where they are.
    stranger.page.route(f"*:{ELSEWHERE}/**", lambda route: route.fulfill(status=204))
    unnoticed = []
    for name in MARKUP:
        stranger.seen.clear()
        stranger.page.goto(f"/raw?{name}", wait_until="commit")
        if not stranger.inspect()["strange"]:
            unnoticed.append(name)
        assert not [thing for thing in stranger.seen if thing.startswith("ran")]

    assert unnoticed == []
    stranger.seen.clear()


def test_a_script_that_is_stopped_by_the_policy_is_noticed(watch: Watch) -> None:
    watch.open("/settings/tokens")

    watch.page.evaluate(
        f"""() => {{
            const script = document.createElement("script");
            script.textContent = "{MARKER} = 1";
            document.body.append(script);
        }}"""
    )

    found = watch.inspect()
    assert [thing for thing in watch.seen if thing.startswith("violation of script-src-elem by inline")]
    assert [thing for thing in watch.seen if thing.startswith("console:")]
    assert not [thing for thing in watch.seen if thing.startswith("ran")]
    assert [thing for thing in found["strange"] if "<script>" in thing]
    watch.seen.clear()


def test_a_script_that_runs_and_one_that_asks_elsewhere_are_noticed(watch: Watch) -> None:
    watch.open("/settings/tokens")

    watch.page.evaluate(f"() => {{ {MARKER} = 1; alert(1); new Image().src = '/x'; }}")
    watch.page.evaluate(f"fetch('{ELSEWHERE}/').catch(() => null)")
    watch.inspect()

    kinds = {thing.partition(" ")[0] for thing in watch.seen}
    assert {"ran", "dialog:", "image", "violation"} <= kinds
    watch.seen.clear()


@pytest.mark.parametrize("number", range(len(NAMES)))
def test_the_pages_of_a_server_show_its_texts(watch: Watch, site: LiveSite, number: int) -> None:
    server_id, name = id_of(site, NAMES[number]), visible(NAMES[number])

    watch.open(f"/settings/tokens/{server_id}")
    watch.look(f"Token for {name}", f"help {name}", f"like {name}", f"Where do I find my {name} token?", HINT)
    watch.open(f"/settings/tokens/{server_id}/delete")
    watch.look(f"Delete the token for {name}?", SCRIPT)
    watch.open(f"/playground/{server_id}")
    watch.look(name, SCRIPT)


@pytest.mark.parametrize(("path", "heading"), [("/settings/tokens", "Tokens"), ("/playground", "Playground")])
def test_a_search_shows_what_was_searched_for(watch: Watch, path: str, heading: str) -> None:
    nothing = " ".join(text for name, text in TEXTS.items() if name != "long word")

    watch.open(f"{path}?q={quote(nothing)}")

    watch.look(heading, f"No server here matches “{visible(nothing)}”.")
    assert watch.page.get_by_role("searchbox").input_value() == nothing


def test_the_list_of_tokens_shows_all_texts(watch: Watch) -> None:
    watch.open("/settings/tokens")

    names = [visible(name) for name in NAMES]
    texts = [text for name in names for text in (name, f"help {name}", f"like {name}")]
    watch.look("Tokens", *texts, f"Live {SCRIPT}", HINT, HOSTILE_EMAIL)


def test_the_list_of_the_playground_shows_all_names(watch: Watch) -> None:
    watch.open("/playground")

    watch.look("Playground", *map(visible, NAMES), f"Live {SCRIPT}", HOSTILE_EMAIL)


def test_only_web_addresses_become_links(watch: Watch, site: LiveSite) -> None:
    watch.open("/settings/tokens")
    helps = watch.page.get_by_role("link", name="Where do I find my")

    assert {link.get_attribute("href") for link in helps.all()} == {LINK}
    for number in range(len(NO_LINKS)):
        row = watch.page.locator(".row", has_text=f"No link {number}.")
        expect(row.locator(".help")).to_contain_text("help No link")
        expect(row.locator(".help a")).to_have_count(0)


@both_ways
def test_listing_tools_shows_their_texts(watch: Watch, site: LiveSite, send: Send) -> None:
    list_tools(watch, site, send)

    watch.unfold()
    names = [*dict(shown_tools()), *ANSWERS, REFUSED, ECHO]
    watch.look(f"Live {SCRIPT}", f"{len(names)} tools", *names)
    for name, text in shown_tools():
        panel = panel_of(watch, name)
        expect(panel.locator("p.about")).to_have_text(visible(text))
        if text.isprintable():
            written = json.dumps({text: [text]}, ensure_ascii=False, indent=2)
            values = "fields => fields.map((field) => field.value)"
            typed = panel.locator("[name^='arg-']").evaluate_all(values)
            assert typed == [text, text[:100], text, written, ""]
            assert panel.locator(".help bdi").all_inner_texts() == [text] * 4
    watch.look(f"Live {SCRIPT}")


@both_ways
@pytest.mark.parametrize("tool", ANSWERS, ids=lambda tool: tool.split()[0])
def test_an_answer_is_shown_as_text(watch: Watch, site: LiveSite, tool: str, send: Send) -> None:
    call(watch, site, tool, send)

    watch.look(f"Live {SCRIPT}", *shown_of(ANSWERS[tool]))


def shown_of(answer: dict[str, Any]) -> list[str]:
    """Return what a page says of an answer, piece by piece."""
    texts = []
    for block in answer["content"]:
        resource = block.get("resource", {})
        if block["type"] == "text":
            texts += [block["text"]]
        elif "text" in resource:
            texts += [resource["uri"], resource["text"]]
        elif "mimeType" in block and "data" in block:
            texts += [f", {block['mimeType']}, "]
        else:
            texts += [json.dumps(value, ensure_ascii=False) for value in strings_in(block)]
    texts += [json.dumps(text, ensure_ascii=False) for text in answer.get("structuredContent", {})]
    return [visible(text) for text in texts]


def strings_in(value: Any) -> Iterator[str]:
    """Yield every string of a JSON value that is not a key."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings_in(inner)


@both_ways
def test_a_refusal_is_shown_as_text(watch: Watch, site: LiveSite, send: Send) -> None:
    call(watch, site, REFUSED, send)

    watch.look(f"Live {SCRIPT}", "The tool reported an error", f"{SCRIPT} {QUOTES}")


@both_ways
def test_what_was_typed_for_a_call_comes_back_as_text(watch: Watch, site: LiveSite, send: Send) -> None:
    list_tools(watch, site, send)
    panel = panel_of(watch, ECHO)
    typed = "\n".join(MARKUP.values())[:5000]
    panel.locator("input[name^='arg-']").first.fill(MARKUP["end of title"])
    panel.locator("textarea").fill(json.dumps({"typed": typed}))
    panel.locator("[inputmode=numeric]").fill("")
    panel.locator("select").first.select_option(QUOTES)

    send(panel.locator("form"))

    answer = watch.page.locator("#answer pre")
    answer.wait_for()
    sent = json.loads(answer.inner_text())
    assert list(sent.values()) == [MARKUP["end of title"], QUOTES, {"typed": typed}]
    watch.look(f"Live {SCRIPT}", MARKUP["end of title"])
