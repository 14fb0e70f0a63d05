"""Searching while typing: what is shown, what Back returns to, and what happens when it fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from app.extensions import db
from app.models import LoginSession
from tests.browser.conftest import make_admin, sign_in
from tests.browser.live_site import LiveSite
from tests.factories import make_group, make_server, make_token, make_user

pytestmark = pytest.mark.browser

LIST = "/settings/tokens"
NAMES = ("Alpha", "Alphabet", "Beta", "깃허브")
#: Writes these words into the box: with time for each to be answered, and without a pause between.
TYPE = """async (box, words) => {
  for (const word of words) {
    box.value = word;
    box.dispatchEvent(new InputEvent("input", { bubbles: true }));
    await new Promise((done) => setTimeout(done, 500));
  }
}"""
TYPED = "a-token-that-nobody-saved-yet"


@pytest.fixture
def page(ann: Page, site: LiveSite) -> Page:
    """Return Ann's list of tokens, with a few servers more."""
    with site.app.app_context():
        for name in NAMES:
            make_server(name)
    ann.goto(LIST)
    return ann


@pytest.fixture
def keyboard(page: Page) -> Iterator[Callable[[str, dict[str, object]], None]]:
    """Return what types as an input method does: `imeSetComposition` composes, `insertText` ends it."""
    session = page.context.new_cdp_session(page)
    yield lambda method, values: session.send(f"Input.{method}", values) and None
    session.detach()


def box_of(page: Page) -> Locator:
    return page.get_by_role("searchbox")


def names_on(page: Page) -> Locator:
    return page.locator("#results .name")


def status_of(page: Page) -> Locator:
    return page.locator("form.search [role=status]")


def test_the_button_searches_with_script_and_without(visitor: Page, site: LiveSite) -> None:
    with site.app.app_context():
        make_server("Alpha")
    sign_in(visitor)

    box_of(visitor).fill("alph")
    visitor.get_by_role("button", name="Search").click()

    expect(names_on(visitor)).to_have_text(["Alpha"])
    assert visitor.url.endswith(f"{LIST}?q=alph")


def test_the_list_follows_what_is_typed_and_the_caret_stays(page: Page) -> None:
    box_of(page).press_sequentially("alph")

    expect(names_on(page)).to_have_text(["Alpha", "Alphabet"])
    expect(status_of(page)).to_have_text("2 servers found")
    expect(page.locator("#filters")).to_contain_text("Found for “alph”:")
    expect(page.get_by_role("link", name="All 2")).to_be_visible()
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
    box_of(page).press("ArrowLeft")
    page.keyboard.type("-")
    expect(names_on(page)).to_have_count(0)
    expect(status_of(page)).to_have_text("0 servers found")
    expect(box_of(page)).to_be_focused()
    expect(box_of(page)).to_have_value("alp-h")
    assert box_of(page).evaluate("box => box.selectionStart") == 4


def test_back_returns_to_the_former_query_and_forward_to_the_later(page: Page) -> None:
    box = box_of(page)
    box.focus()
    box.evaluate(TYPE, ["al", "alpha"])
    expect(status_of(page)).to_have_text("2 servers found")
    box.blur()
    box.fill("beta")
    expect(names_on(page)).to_have_text(["Beta"])
    assert page.url.endswith("?q=beta")

    page.go_back()
    expect(box).to_have_value("alpha")
    expect(names_on(page)).to_have_text(["Alpha", "Alphabet"])
    # What was typed without a pause is one place to come back to.
    page.go_back()
    expect(box).to_have_value("")
    expect(names_on(page)).to_have_count(6)
    page.go_forward()
    expect(box).to_have_value("alpha")
    expect(names_on(page)).to_have_count(2)

    names_on(page).first.click()
    page.wait_for_url(lambda url: f"{LIST}/" in url)
    page.go_back()
    expect(box).to_have_value("alpha")
    expect(names_on(page)).to_have_count(2)


def test_a_syllable_that_is_being_composed_is_searched_for_once_it_stands(
    page: Page, keyboard: Callable[[str, dict[str, object]], None]
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "?q=" in request.url else None)
    box_of(page).focus()

    for text in ("ㄱ", "기", "깃"):
        keyboard("imeSetComposition", {"text": text, "selectionStart": 1, "selectionEnd": 1})

    expect(names_on(page)).to_have_text(["깃허브"])
    assert len(asked) == 1
    # The answer did not end the composition: the syllable goes on to become another.
    keyboard("imeSetComposition", {"text": "긱", "selectionStart": 1, "selectionEnd": 1})
    expect(box_of(page)).to_have_value("긱")
    keyboard("insertText", {"text": "깃"})
    expect(box_of(page)).to_have_value("깃")
    expect(names_on(page)).to_have_text(["깃허브"])


def test_an_older_answer_never_takes_the_place_of_a_newer_one(page: Page) -> None:
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        held.append(route)
        if len(held) > 1:
            route.continue_()

    page.route("**/settings/tokens?q=*", hold_the_first)
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(request.url))
    box_of(page).fill("beta")
    page.wait_for_timeout(400)
    expect(page.locator("#results")).to_have_attribute("aria-busy", "true")
    box_of(page).fill("alphabet")
    expect(names_on(page)).to_have_text(["Alphabet"])

    page.wait_for_timeout(300)

    assert [url.partition("?")[2] for url in failed] == ["q=beta"]
    expect(names_on(page)).to_have_text(["Alphabet"])
    assert page.url.endswith("?q=alphabet")


@pytest.mark.parametrize("status", [429, 503])
def test_where_searching_while_typing_fails_it_is_said_and_the_form_still_works(
    page: Page, status: int
) -> None:
    def refuse(route: Route) -> None:
        if route.request.resource_type == "fetch":
            route.fulfill(status=status, body="no")
        else:
            route.continue_()

    page.route("**/settings/tokens?q=*", refuse)

    box_of(page).fill("alphab")

    expect(status_of(page)).to_contain_text("did not work just now")
    expect(status_of(page)).to_be_visible()
    expect(names_on(page)).to_have_count(6)
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
    page.get_by_role("button", name="Search").click()
    expect(names_on(page)).to_have_text(["Alphabet"])


def test_whoever_was_signed_out_meanwhile_is_led_to_sign_in_and_back_to_the_search(
    page: Page, site: LiveSite
) -> None:
    with site.app.app_context():
        db.session.execute(db.delete(LoginSession))
        db.session.commit()

    box_of(page).fill("beta")

    page.wait_for_url(lambda url: "/login?next=" in url)
    expect(page.locator("h1")).to_have_text("Sign in")
    page.get_by_label("Email").fill("ann@example.com")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(names_on(page)).to_have_text(["Beta"])


def test_a_typed_token_is_not_thrown_away_by_a_search(page: Page) -> None:
    row = page.locator("tr", has_text="Beta")
    row.locator("summary").click()
    row.locator("input[name=token]").fill(TYPED)

    box_of(page).fill("alpha")

    expect(status_of(page)).to_contain_text("so it stays as it is")
    expect(row.locator("input[name=token]")).to_have_value(TYPED)
    row.locator("input[name=token]").fill("")
    box_of(page).fill("alphab")
    expect(names_on(page)).to_have_text(["Alphabet"])


def test_every_list_with_a_box_follows_what_is_typed(browser: Browser, site: LiveSite) -> None:
    make_admin(site)
    with site.app.app_context():
        bob, beta = make_user("bob@example.com"), make_server("Beta")
        make_token(bob, beta)
        make_group("Builders", people=[bob])
        make_group("Writers")

    with site.visit(browser) as page:
        sign_in(page)
        for path, query, found in (
            ("/playground", "bet", "1 server found"),
            ("/admin/servers", "bet", "1 server found"),
            ("/admin/users", "bob", "1 person found"),
            ("/admin/groups", "build", "1 group found"),
            ("/admin/groups/1", "zed", "0 people found"),
            ("/admin/tokens", "b", "2 found"),
            ("/admin/tokens", "bob", "1 found"),
        ):
            page.goto(path)
            box_of(page).press_sequentially(query)

            expect(status_of(page)).to_have_text(found)
            assert page.url.endswith(f"{path}?q={query}")
            page.go_back()
            expect(box_of(page)).to_have_value("")


def test_a_thousand_servers_are_searched_while_one_types(ann: Page, site: LiveSite) -> None:
    with site.app.app_context():
        for number in range(1000):
            make_server(f"Tool {number:04}")
    ann.goto(LIST)
    started = time.monotonic()

    box_of(ann).fill("tool 0987")

    expect(names_on(ann)).to_have_text(["Tool 0987"])
    # The pause of 0.2 s included; on a machine that does much else besides.
    assert time.monotonic() - started < 3
