"""The playground in a browser: finding, remembering, cancelling, views of an answer, copying."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests import databases
from tests.browser.conftest import sign_in
from tests.browser.live_site import LiveSite, live_site
from tests.browser.look import AXE, NARROW, look_at
from tests.factories import make_server, make_token, make_user
from tests.mcp_servers import rich
from tests.mcp_servers.good import TOKEN
from tests.mcp_servers.running import Running, running

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def remote() -> Iterator[Running]:
    with running(rich.rich()) as server:
        yield server


@pytest.fixture
def site(sqlite_template: Path, tmp_path: Path, remote: Running) -> Iterator[LiveSite]:
    """Return a site with a server of many tools, for which Ann has saved a token."""
    with live_site(databases.copy_of(sqlite_template, tmp_path), allow=(remote.host_port,)) as site:
        with site.app.app_context():
            server = make_server("Rich", url=remote.url)
            make_token(make_user("ann@example.com"), server, TOKEN)
            site.demo_id = server.id
        remote.requests.clear()
        yield site


@pytest.fixture
def has_script(request: pytest.FixtureRequest) -> bool:
    return "no-script" not in request.node.name


@pytest.fixture
def listed(visitor: Page, site: LiveSite) -> Page:
    """Return a page on which the tools are listed, with and without script."""
    sign_in(visitor)
    return open_tools(visitor, site)


@pytest.fixture
def ann_listed(ann: Page, site: LiveSite) -> Page:
    return open_tools(ann, site)


def open_tools(page: Page, site: LiveSite) -> Page:
    page.goto(f"/playground/{site.demo_id}")
    page.get_by_role("button", name="List tools").click()
    page.locator(".tool-list a").first.wait_for()
    return page


def choose(page: Page, tool: str) -> Locator:
    page.locator(".tool-list a").filter(has=page.locator(".name", has_text=re.compile(f"^{tool}$"))).click()
    panel = page.locator(".panel:visible")
    expect(panel.locator("h2")).to_have_text(tool)
    return panel


def call(page: Page, tool: str, **arguments: str) -> None:
    panel = choose(page, tool)
    for name, text in arguments.items():
        panel.locator(f"[name='arg-{name}']").fill(text)
    panel.get_by_role("button", name="Call").click()


def calls_at(remote: Running) -> int:
    """Return how many requests reached the server."""
    return sum(method == "POST" for method, _, _ in remote.requests)


def test_tools_are_found_by_name_and_description(listed: Page, has_script: bool) -> None:
    box = listed.get_by_role("searchbox", name="Find a tool")

    box.fill("hub MODEL")
    if not has_script:
        listed.get_by_role("button", name="Find", exact=True).click()

    expect(listed.locator("#found")).to_have_text("1 of 12 tools")
    expect(listed.locator(".tool-list a:visible .name")).to_have_text(["model_search"])


def test_with_a_script_the_list_follows_what_is_typed_and_asks_nobody(
    ann_listed: Page, remote: Running
) -> None:
    page, before = ann_listed, calls_at(remote)
    box = page.get_by_role("searchbox", name="Find a tool")
    assert page.locator("#found").get_attribute("role") == "status"

    box.press_sequentially("paper")
    expect(page.locator(".tool-list a:visible")).to_have_count(1)
    box.press("Enter")

    expect(page.locator(".panel:visible h2")).to_have_text("paper_search")
    expect(page.locator(".tool-list a:visible")).to_be_focused()
    box.fill("no such thing")
    expect(page.locator("#found")).to_have_text("0 of 12 tools")
    box.fill("")
    expect(page.locator(".tool-list a:visible")).to_have_count(12)
    expect(page.locator("#found")).to_have_text("")
    assert calls_at(remote) == before


def test_what_was_typed_for_a_tool_stays_while_others_are_called(ann_listed: Page) -> None:
    page = ann_listed
    say = choose(page, "say")
    say.locator("[name='arg-text']").fill("half a sentence")
    say.locator("select").select_option("two")
    page.get_by_role("searchbox", name="Find a tool").fill("e")

    call(page, "model_search", query="korean", limit="7")
    expect(page.locator("#answer")).to_contain_text("Done")
    page.get_by_role("button", name="List again").click()
    expect(page.locator("#answer")).to_have_count(0)

    expect(page.get_by_role("searchbox", name="Find a tool")).to_have_value("e")
    page.get_by_role("searchbox", name="Find a tool").fill("")
    expect(choose(page, "say").locator("[name='arg-text']")).to_have_value("half a sentence")
    expect(page.locator(".panel:visible select")).to_have_value("two")
    expect(choose(page, "model_search").locator("[name='arg-limit']")).to_have_value("7")
    assert "half" not in page.url
    assert "half" not in str(page.context.storage_state())
    assert page.evaluate("Object.keys({...localStorage, ...sessionStorage}).length") == 0


def test_a_call_is_cancelled_here_and_its_end_is_recorded(ann_listed: Page) -> None:
    page = ann_listed
    call(page, "slow", seconds="2")

    expect(page.locator("#workbench")).to_have_attribute("aria-busy", "true")
    expect(page.locator("#running")).to_contain_text("Waiting for the server…")
    expect(page.locator("#running .elapsed")).to_have_text("1 s")
    page.locator("#running").get_by_role("button", name="Cancel").click()

    said = "Cancelled here. The server may still finish it"
    expect(page.locator("#told")).to_contain_text(said)
    expect(page.locator("#told")).to_be_focused()
    expect(page.locator("#progress")).to_contain_text(said)
    expect(page.locator("#running")).to_be_hidden()
    assert page.locator("#workbench").get_attribute("aria-busy") is None
    expect(page.locator(".panel:visible [name='arg-seconds']")).to_have_value("2")
    # The server finished it, and so says the ledger.
    history = page.locator("#history")
    for _ in range(20):
        history.locator("summary").click()
        page.wait_for_timeout(300)
        if history.locator("tbody tr").count() and history.get_attribute("open") is not None:
            break
    expect(history.locator("tbody tr")).to_have_count(1)
    expect(history.locator("tbody")).to_contain_text("slow")
    expect(history.locator("tbody")).to_contain_text("it was answered")


def test_after_a_cancelled_call_the_next_one_is_answered(ann_listed: Page) -> None:
    page = ann_listed
    call(page, "slow", seconds="2")
    page.locator("#running").get_by_role("button", name="Cancel").click()

    call(page, "say", text="the next one")

    expect(page.locator("#answer pre").first).to_have_text("the next one")
    expect(page.locator("#told")).to_be_hidden()
    page.wait_for_timeout(2500)
    expect(page.locator("#answer pre").first).to_have_text("the next one")


def test_a_second_click_while_waiting_calls_nothing(ann_listed: Page, remote: Running) -> None:
    page = ann_listed
    call(page, "slow", seconds="1")
    button = page.locator(".panel:visible").get_by_role("button", name="Call")
    expect(button).to_have_attribute("aria-disabled", "true")

    for _ in range(3):
        button.click(force=True)

    expect(page.locator("#answer")).to_contain_text("Done")
    expect(page.locator("#history tbody tr")).to_have_count(1)


@pytest.mark.parametrize("way", ["gone", "gateway", "refused"])
def test_a_call_that_got_no_answer_is_told_so_and_never_sent_again(
    browser: Browser, site: LiveSite, way: str
) -> None:
    sent: list[str] = []

    def fail(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        sent.append(route.request.url)
        if way == "gone":
            return route.abort("connectionreset")
        if way == "gateway":
            return route.fulfill(status=504, body="<h1>504 Gateway Time-out</h1>", content_type="text/html")
        return route.fulfill(
            status=429, body="<main><h1>Too many</h1><p>Wait.</p></main>", content_type="text/html"
        )

    with browser.new_context(base_url=site.url, locale="en-US") as context:
        page = context.new_page()
        sign_in(page)
        open_tools(page, site)
        page.route("**/playground/**", fail)

        call(page, "say", text="not to be lost")

        told = page.locator("#told")
        expect(told).to_contain_text(
            {"gone": "the connection is gone", "gateway": "(status 504)", "refused": "Too many Wait."}[way]
        )
        expect(told).to_contain_text("not sent again")
        expect(told).to_be_focused()
        expect(page.locator(".panel:visible [name='arg-text']")).to_have_value("not to be lost")
        page.wait_for_timeout(500)
        assert len(sent) == 1
        page.unroute("**/playground/**")
        page.locator(".panel:visible").get_by_role("button", name="Call").click()
        expect(page.locator("#answer pre").first).to_have_text("not to be lost")


def test_no_answer_in_time_is_said_and_the_waiting_ends(ann_listed: Page) -> None:
    page = ann_listed
    page.clock.install()

    call(page, "slow", seconds="3")
    expect(page.locator("#running")).to_be_visible()
    page.clock.fast_forward(91_000)

    expect(page.locator("#told")).to_contain_text("No answer came within 90 seconds.")
    expect(page.locator("#running")).to_be_hidden()


def test_who_was_signed_out_meanwhile_is_told_and_loses_nothing(ann_listed: Page, site: LiveSite) -> None:
    page = ann_listed
    page.request.post(
        "/logout", form={"csrf_token": page.locator("input[name=csrf_token]").first.input_value()}
    )

    call(page, "say", text="not to be lost")

    expect(page.locator("#told")).to_contain_text("You are signed out, and nothing was called.")
    expect(page.locator("#told").get_by_role("link", name="Sign in")).to_have_attribute(
        "href", re.compile(f"^{site.url}/login")
    )
    expect(page.locator(".panel:visible [name='arg-text']")).to_have_value("not to be lost")


def test_json_is_folded_and_switched_to_a_table_and_to_text(listed: Page) -> None:
    page = listed
    call(page, "model_search")

    expect(page.locator("#answer table")).to_be_visible()
    expect(page.locator("#answer tbody tr")).to_have_count(2)
    expect(page.locator("#answer .tree")).to_be_hidden()
    page.get_by_text("JSON", exact=True).locator("visible=true").click()
    expect(page.locator("#answer table")).to_be_hidden()
    leaf = page.locator("#answer .tree .leaf", has_text="ko-embed-large")
    expect(leaf).to_be_visible()
    page.locator("#answer .tree summary").nth(1).click()
    expect(leaf).to_be_hidden()
    page.get_by_text("Text", exact=True).locator("visible=true").click()
    expect(page.locator("#answer pre")).to_be_visible()
    expect(page.locator("#answer .tree")).to_be_hidden()


def test_the_views_are_chosen_by_keyboard(listed: Page) -> None:
    page = listed
    call(page, "model_search")
    page.locator("#view-1-table").focus()

    page.keyboard.press("ArrowRight")

    expect(page.locator("#answer .tree")).to_be_visible()


def test_pictures_are_drawn_by_the_script_and_named_without_one(listed: Page, has_script: bool) -> None:
    page = listed
    call(page, "draw")
    expect(page.locator("#answer")).to_contain_text("Image, image/png")

    if not has_script:
        expect(page.locator("canvas").first).to_be_hidden()
        expect(page.locator("#answer")).to_contain_text("Pictures are drawn by a script")
        return
    canvas = page.locator("#answer canvas")
    expect(canvas.first).to_have_attribute("width", "160")
    expect(canvas.first).to_have_attribute("height", "90")
    column = "canvas => [...canvas.getContext('2d').getImageData(5, 0, 1, 90).data]"
    pixels = canvas.first.evaluate(column)
    assert (pixels[:4], pixels[-4:]) == ([0x2F, 0x5B, 0xD0, 255], [0xB3, 0x26, 0x1E, 255])
    # The second one is damaged, the third is SVG, which is no picture here.
    expect(canvas).to_have_count(2)
    expect(canvas.nth(1)).to_be_hidden()
    expect(page.get_by_text("This picture is damaged and cannot be drawn.").nth(1)).to_be_visible()
    assert page.locator("#answer :is(img, svg image, object, iframe)").count() == 0


def test_a_call_is_had_as_code_before_and_after_it_is_made(listed: Page, remote: Running) -> None:
    page = listed
    choose(page, "say").locator("[name='arg-text']").fill("it's typed")

    page.locator(".panel:visible").get_by_role("button", name="As code").click()

    expect(page.locator("#answer")).to_contain_text("Nothing was called.")
    expect(page.locator("#answer code[dir=ltr]").first).to_contain_text("it'\"'\"'s typed")
    assert not any(TOKEN in text for text in page.locator("code").all_inner_texts())
    expect(page.locator(".panel:visible [name='arg-text']")).to_have_value("it's typed")
    page.locator(".panel:visible").get_by_role("button", name="Call").click()
    expect(page.locator("#answer pre").first).to_have_text("it's typed")
    page.get_by_text("As curl and Python").click()
    expect(page.locator("#code code[dir=ltr]").nth(1)).to_contain_text("it's typed")


def clipboard(page: Page) -> Any:
    return page.evaluate("navigator.clipboard.readText()")


def test_answers_and_code_are_copied_and_it_is_said(ann_listed: Page, site: LiveSite) -> None:
    page = ann_listed
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    call(page, "say", text="to be copied")
    expect(page.locator("#answer")).to_contain_text("Done")

    page.get_by_role("button", name="Copy the answer").click()

    expect(page.locator("#copied")).to_have_text("Copied")
    assert page.locator("#copied").get_attribute("role") == "status"
    assert clipboard(page) == "to be copied"
    page.get_by_text("As curl and Python").click()
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_role("button", name="Copy as curl")).to_be_focused()
    page.wait_for_function("navigator.clipboard.readText().then((text) => text.startsWith('printf'))")
    assert clipboard(page) == page.locator("#code code[dir=ltr]").first.inner_text()
    assert TOKEN not in clipboard(page)


def test_copying_works_where_browsers_have_no_clipboard_for_pages(ann_listed: Page, site: LiveSite) -> None:
    page = ann_listed
    page.context.grant_permissions(["clipboard-read"], origin=site.url)
    call(page, "say", text="the old way")
    expect(page.locator("#answer")).to_contain_text("Done")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')); }")

    page.get_by_role("button", name="Copy the answer").click()

    expect(page.locator("#copied")).to_have_text("Copied")
    assert clipboard(page) == "the old way"


def test_what_is_being_typed_is_never_copied(ann_listed: Page) -> None:
    page = ann_listed
    page.evaluate(
        """() => {
          const field = document.querySelector(".panel.is-selected input.typed-token");
          field.dataset.copied = "stolen";
          field.value = "typed-secret";
          const button = document.createElement("button");
          Object.assign(button, { className: "button copy", textContent: "steal", type: "button" });
          button.dataset.copy = "stolen";
          document.querySelector("main").append(button);
          navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); };
        }"""
    )

    page.get_by_role("button", name="steal").click()

    expect(page.locator("#copied")).to_have_text("Copied")
    assert page.evaluate("window.copied") == ""


def test_no_part_of_it_shuts_anybody_out(browser: Browser, site: LiveSite) -> None:
    found: list[str] = []

    # Colours that are on their way from one theme to the other are not those that anybody reads.
    with site.visit(browser, reduced_motion="reduce") as page:

        def look(what: str) -> None:
            found.extend(f"{what}: {fault}" for fault in look_at(page, "en", NARROW))

        page.add_init_script(AXE)
        sign_in(page)
        open_tools(page, site)
        page.locator("#find").fill("search")
        look("tools that were looked for")
        page.locator("#find").fill("")
        call(page, "model_search")
        page.locator("#answer table").wait_for()
        page.locator("#code summary").click()
        page.locator("#history summary").click()
        look("a table, the code, the calls")
        page.get_by_text("JSON", exact=True).locator("visible=true").click()
        look("a tree")
        call(page, "draw")
        page.locator("canvas[width='160']").wait_for()
        look("pictures")
        call(page, "fail")
        page.locator(".is-failed").wait_for()
        look("a tool's error")
        call(page, "slow", seconds="20")
        page.locator("#running .elapsed").wait_for()
        look("waiting")
        page.locator("#running button").click()
        look("cancelled")

    assert found == []


def test_without_a_script_there_is_nothing_that_needs_one(browser: Browser, site: LiveSite) -> None:
    with site.visit(browser, java_script_enabled=False) as page:
        sign_in(page)
        open_tools(page, site)
        call(page, "model_search")

        expect(page.locator("#answer")).to_contain_text("Done")
        expect(page.locator("button.copy:visible, .reveal:visible, #running:visible")).to_have_count(0)
        expect(page.locator(".source:visible")).not_to_contain_text("cancel any time", use_inner_text=True)
