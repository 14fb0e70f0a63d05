"""Every page shuts nobody out: axe, structure, sizes, focus, in both languages, themes and widths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from app import create_app
from tests import databases
from tests.browser.every_page.pages import PAGES, PARTS
from tests.browser.every_page.site import Lived, lived_in_site
from tests.browser.every_page.walk import walk
from tests.browser.look import AXE, NARROW, WIDE, look_at
from tests.mcp_servers.running import Running, running
from tests.mcp_servers.tracker import tracker

pytestmark = pytest.mark.browser

#: What answers GET and is no page: it leads elsewhere, or is for programs.
NO_PAGES = {"/", "/healthz", "/metrics", "/readyz", "/static/<path:filename>", "/admin/servers/export"}


@pytest.fixture(scope="module")
def remote() -> Iterator[Running]:
    with running(tracker()) as server:
        yield server


@pytest.fixture
def lived(sqlite_template: Path, tmp_path: Path, remote: Running) -> Iterator[Lived]:
    with lived_in_site(databases.copy_of(sqlite_template, tmp_path), remote) as lived:
        yield lived


def test_every_page_that_the_app_has_is_in_the_list() -> None:
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": "sqlite://"})
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    pages = {rule.rule for rule in rules if not rule.rule.startswith("/api/")} | {"/api/docs"}
    router = app.url_map.bind("localhost")
    numbered = [one.path.partition("?")[0].replace("{", "<").replace("}", ">") for one in PAGES]
    paths = [_with_number(path) for path in numbered if "nothing" not in path]

    shown = {router.match(path, return_rule=True)[0].rule for path in paths}

    assert pages - shown == NO_PAGES
    assert shown <= pages


def _with_number(path: str) -> str:
    """Return a path with a number for each name in it; a code may be one too."""
    return "/".join("1" if part.startswith("<") else part for part in path.split("/"))


def test_no_two_states_have_one_name() -> None:
    names = [one.name for one in PAGES]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(("language", "width"), [("en", WIDE), ("ko", NARROW)])
def test_no_page_shuts_anybody_out(
    browser: Browser, lived: Lived, part: str, language: str, width: int
) -> None:
    found: dict[str, list[str]] = {}
    foreign: list[str] = []

    def watch(page: Page) -> None:
        page.add_init_script(AXE)
        page.on("request", lambda one: one.url.startswith(lived.site.url) or foreign.append(one.url))

    # Colours that are on their way from one theme to the other have no contrast yet.
    settings = {"viewport": {"width": width, "height": 800}, "reduced_motion": "reduce"}
    for shown, visit in walk(browser, lived, PARTS[part], language, watch, **settings):
        found[shown.name] = look_at(visit.page, language, width)

    assert {name: faults for name, faults in found.items() if faults} == {}
    assert foreign == []
    assert list(found) == [one.name for one in PARTS[part]]
