"""A whole round by keyboard alone: sign in, save, check, call a tool, delete, sign out."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.live_site import LiveSite
from tests.factories import PASSWORD
from tests.mcp_servers.good import TOKEN

pytestmark = pytest.mark.browser

MOST_PRESSES = 80
#: Whether it is what was looked for; and how what has the focus shows it (WCAG 2.4.7, 2.4.13).
FOCUS = """(selector) => {
  const element = document.activeElement, { outlineStyle, outlineWidth } = getComputedStyle(element);
  const isSeen = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  const box = element.getBoundingClientRect();
  const isInSight = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  const fault = element === document.body || (isSeen && isInSight) ? "" : element.outerHTML.slice(0, 200);
  return { isThere: element.matches(selector), fault };
}"""


def tab_to(page: Page, selector: str) -> None:
    """Press the tab key until this element has the focus; whatever has it on the way shows that, in sight."""
    for _ in range(MOST_PRESSES):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUS, selector)
        assert not found["fault"], f"the focus cannot be seen on {found['fault']}"
        if found["isThere"]:
            return
    raise AssertionError(f"the tab key does not lead to {selector}")


def press(page: Page, selector: str) -> None:
    """Go to a link or button by tab, and press it."""
    tab_to(page, selector)
    page.keyboard.press("Enter")


def type_into(page: Page, selector: str, text: str) -> None:
    """Type where the focus is if that is the field, else go there first."""
    if not page.evaluate("selector => document.activeElement.matches(selector)", selector):
        tab_to(page, selector)
    page.keyboard.type(text)


def test_a_whole_round_needs_no_mouse(visitor: Page, site: LiveSite) -> None:
    page, row = visitor, f"#server-{site.demo_id}"
    page.goto("/login")
    expect(page.get_by_label("Email")).to_be_focused()
    page.keyboard.type("ann@example.com")
    type_into(page, "#password", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Tokens")

    press(page, f"{row} summary")
    type_into(page, f"{row} input[name=token]", TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator(".notice.is-success")).to_contain_text("Token saved for Demo.")

    press(page, f"{row} summary")
    press(page, f"{row} button.is-check")
    expect(page.locator(".notice.is-success")).to_contain_text("Your saved token: Accepted")

    press(page, f"main a[href='/playground/{site.demo_id}']")
    expect(page.locator("h1")).to_have_text("Demo")
    press(page, "form[data-send] button[type=submit]")
    page.locator(".tool-list a").first.wait_for()
    press(page, ".tool-list a[href='#tool-2']")
    type_into(page, ".panel:target input[name='arg-a']", "1")
    type_into(page, "input[name='arg-b']", "2")
    page.keyboard.press("Enter")
    expect(page.locator("#answer pre").first).to_have_text("3")

    press(page, ".areas a[href='/settings/tokens']")
    expect(page.locator("h1")).to_have_text("Tokens")
    press(page, f"{row} summary")
    press(page, f"{row} a.is-danger")
    expect(page.locator("h1")).to_have_text("Delete the token for Demo?")
    press(page, "main button.is-danger")
    expect(page.locator(".notice.is-success")).to_contain_text("deleted here")

    press(page, "form[action='/logout'] button")
    expect(page.locator(".notice.is-success")).to_have_text("You are signed out.")


def test_a_form_that_comes_back_is_mended_from_its_summary(visitor: Page) -> None:
    visitor.goto("/login")
    expect(visitor.get_by_label("Email")).to_be_focused()
    visitor.keyboard.press("Enter")
    expect(visitor.get_by_role("alert")).to_be_focused()

    press(visitor, "[role=alert] a[href='#password']")

    expect(visitor.get_by_label("Password")).to_be_focused()


def test_the_skip_link_leads_past_the_bar(visitor: Page) -> None:
    visitor.goto("/api/docs")
    visitor.keyboard.press("Tab")
    expect(visitor.locator(".skip")).to_be_focused()
    expect(visitor.locator(".skip")).to_be_in_viewport()

    visitor.keyboard.press("Enter")
    visitor.keyboard.press("Tab")

    assert visitor.evaluate("document.querySelector('main').contains(document.activeElement)")
