"""Pages for everyone: by keyboard, with assistive technology, in light and dark, on a narrow screen."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.live_site import LiveSite
from tests.factories import PASSWORD
from tests.mcp_servers.good import TOKEN

pytestmark = pytest.mark.browser


def tab_to(page: Page, selector: str) -> None:
    """Press the tab key until this element has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"the tab key does not lead to {selector}")


def test_the_main_path_needs_no_mouse(visitor: Page, site: LiveSite) -> None:
    page = visitor
    page.goto("/login")
    expect(page.get_by_label("Email")).to_be_focused()
    page.keyboard.type("ann@example.com")
    tab_to(page, "#password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/settings/tokens")

    tab_to(page, f"#server-{site.demo_id} summary")
    page.keyboard.press("Enter")
    if not page.evaluate("document.activeElement.matches('input[name=token]')"):
        tab_to(page, f"#token-{site.demo_id}")
    page.keyboard.type(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator(".notice.is-success")).to_contain_text("Token saved for Demo.")

    page.goto(f"/playground/{site.demo_id}")
    tab_to(page, "form[data-send] button[type=submit]")
    page.keyboard.press("Enter")
    page.locator(".tool-list a").first.wait_for()
    tab_to(page, ".tool-list a[href='#tool-2']")
    page.keyboard.press("Enter")
    tab_to(page, ".panel:target input[name='arg-a']")
    page.keyboard.type("1")
    tab_to(page, "input[name='arg-b']")
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    expect(page.locator("#answer pre").first).to_have_text("3")


def each_page(page: Page, site: LiveSite) -> list[str]:
    """Walk through every page, return what axe and the width have to say."""
    found: list[str] = []

    def look(name: str) -> None:
        for violation in Axe().run(page).response["violations"]:
            targets = [node["target"] for node in violation["nodes"]]
            found.append(f"{name}: {violation['id']} at {targets}")
        wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if wider > 0:
            found.append(f"{name}: {wider} px too wide")

    def open_and_look(path: str) -> None:
        page.goto(path)
        look(path)

    open_and_look("/login")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    look("/login with errors")
    open_and_look("/sign-up")
    sign_in(page)
    open_and_look("/settings/tokens")
    page.locator(f"#server-{site.demo_id} summary").click()
    page.locator(f"#server-{site.demo_id} select").select_option("custom")
    look("/settings/tokens, a row opened")
    page.locator(f"#token-{site.demo_id}").fill("****")
    page.locator(f"#server-{site.demo_id}").get_by_role("button", name="Save token", exact=True).click()
    look("one token with an error")
    page.get_by_label("Token", exact=True).fill(TOKEN)
    page.get_by_label("Expires").select_option("7")
    page.get_by_role("button", name="Save token").click()
    look("/settings/tokens after saving")
    open_and_look("/settings/tokens?q=nothing")
    open_and_look(f"/settings/tokens/{site.demo_id}/delete")
    open_and_look("/playground")
    open_and_look(f"/playground/{site.demo_id}")
    page.get_by_role("button", name="List tools").click()
    page.locator(".tool-list a", has_text="echo").click()
    look("tools")
    page.locator(".panel:visible").get_by_role("button", name="Call").click()
    page.locator(".error").wait_for()
    look("an argument is missing")
    page.locator(".panel:visible").get_by_label("text").fill("word" * 100)
    page.locator(".panel:visible").get_by_role("button", name="Call").click()
    page.locator("#answer pre").first.wait_for()
    look("an answer")
    open_and_look("/settings/nothing")
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_shuts_anybody_out(browser: Browser, site: LiveSite, scheme: str, width: int) -> None:
    viewport = {"width": width, "height": 800}

    with site.visit(browser, color_scheme=scheme, viewport=viewport) as page:
        assert each_page(page, site) == []
