"""The watch over hostile content notices what it is there for; else its silence would prove nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, Route

from app.web.headers import HEADERS
from tests.browser.live_site import LiveSite
from tests.browser.watch import Watch, watched
from tests.mcp_servers.hostile_texts import ELSEWHERE, MARKER, MARKUP

pytestmark = pytest.mark.browser


@pytest.fixture
def watch(browser: Browser, site: LiveSite) -> Iterator[Watch]:
    with watched(browser, site.url) as watch:
        watch.open("/login")
        watch.look("Sign in")
        yield watch


def test_each_hostile_text_is_noticed_on_a_page_that_prints_it_unescaped(watch: Watch) -> None:
    def answer(route: Route) -> None:
        text = MARKUP[unquote(route.request.url.partition("?")[2])]
        page = (
            f"<title>{text}</title><p>{text}</p><p title=\"{text}\"></p><p title='{text}'></p>"
            f"<p id={text}></p><select><option>{text}</option></select><textarea>{text}</textarea>"
            "<p title=\"\" class=''></p>"
        )
        route.fulfill(body=page, headers={**HEADERS, "Content-Type": "text/html"})

    watch.page.route(re.compile(r"/raw\?"), answer)
    # Whoever is told "no content" stays where they are.
    watch.page.route(f"*:{ELSEWHERE}/**", lambda route: route.fulfill(status=204))
    unnoticed = []
    for name in MARKUP:
        watch.page.goto(f"/raw?{name}", wait_until="commit")
        if not watch.inspect()["strange"]:
            unnoticed.append(name)

    assert unnoticed == []
    # The policy stops all of them even then.
    assert [thing for thing in watch.seen if thing.startswith("violation")]
    assert not [thing for thing in watch.seen if thing.startswith("ran")]


def test_a_script_that_the_policy_stops_is_noticed(watch: Watch) -> None:
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


def test_a_script_that_runs_and_whatever_loads_are_noticed(watch: Watch) -> None:
    watch.page.evaluate(f"() => {{ {MARKER} = 1; alert(1); new Image().src = '/x'; }}")
    watch.page.evaluate(f"fetch('{ELSEWHERE}/').catch(() => null)")
    watch.page.evaluate("document.body.append(document.createElement('iframe'))")

    found = watch.inspect()
    kinds = {thing.partition(" ")[0] for thing in watch.seen}
    assert {"ran", "dialog:", "image", "violation", "frameattached"} <= kinds
    assert [thing for thing in found["strange"] if "<iframe>" in thing]


def test_a_page_that_shows_nothing_does_not_pass(watch: Watch) -> None:
    with pytest.raises(AssertionError):
        watch.look("Sign in", MARKUP["script"])
