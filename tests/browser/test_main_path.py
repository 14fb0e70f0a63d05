"""The main job in a browser: sign up, save, replace, call a tool, delete."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.live_site import LiveSite
from tests.factories import PASSWORD
from tests.mcp_servers.good import TOKEN
from tests.mcp_servers.running import Running

pytestmark = pytest.mark.browser

WRONG = "wrong-token-0123456789"
OLDER = "an-older-token-9876543210"


def row_of(page: Page, site: LiveSite) -> Locator:
    return page.locator(f"#server-{site.demo_id}")


def save(page: Page, site: LiveSite, token: str, *, check: bool = True) -> None:
    page.goto("/settings/tokens")
    row = row_of(page, site)
    row.locator("summary").click()
    row.locator("input[name=token]").fill(token)
    row.get_by_label("Check it with the server first").set_checked(check)
    row.get_by_role("button", name="Save token", exact=True).click()


def list_tools(page: Page, site: LiveSite) -> None:
    page.goto(f"/playground/{site.demo_id}")
    page.get_by_role("button", name="List tools").click()


def choose(page: Page, tool: str) -> Locator:
    page.locator(".tool-list a").filter(has=page.locator(".name", has_text=tool)).click()
    panel = page.locator(".panel:visible")
    expect(panel.locator("h2")).to_have_text(tool)
    return panel


def test_a_newcomer_signs_up_saves_a_token_and_calls_a_tool_with_it(visitor: Page, site: LiveSite) -> None:
    page = visitor
    page.goto("/login")
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("Email").fill("new@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.locator("main")).to_contain_text("You have saved no token yet")

    save(page, site, TOKEN)
    expect(page.locator(".notice.is-success")).to_contain_text("Token saved for Demo.")
    expect(row_of(page, site).locator(".hint")).to_have_text("...6789")

    list_tools(page, site)
    choose(page, "whoami").get_by_role("button", name="Call").click()
    expect(page.locator("#answer pre")).to_have_text("You are demo person, known by your token.")
    expect(page.locator("#answer")).to_contain_text("saved token")

    panel = choose(page, "add")
    panel.get_by_label("a", exact=True).fill("2")
    panel.get_by_label("b", exact=True).fill("40")
    panel.get_by_role("button", name="Call").click()
    expect(page.locator("#answer pre").first).to_have_text("42")
    expect(page.locator(".panel:visible").get_by_label("b", exact=True)).to_have_value("40")


def test_a_token_is_replaced_and_deleted(visitor: Page, site: LiveSite) -> None:
    page = visitor
    sign_in(page)
    save(page, site, OLDER, check=False)

    save(page, site, f"Authorization: Bearer {TOKEN}")
    expect(page.locator(".notice.is-success")).to_contain_text(
        "Token replaced for Demo. Taken off the paste:"
    )
    row = row_of(page, site)
    expect(row.locator(".hint")).to_have_text("...6789")

    row.locator("summary").click()
    row.get_by_role("link", name="Delete").click()
    expect(page.locator("main")).to_contain_text("It does not revoke it at the provider")
    page.get_by_role("button", name="Delete token").click()
    expect(page.locator(".notice.is-success")).to_contain_text("deleted here")
    expect(row).to_contain_text("No token")


def test_a_token_that_cannot_be_saved_comes_back_with_its_reason_in_focus(
    visitor: Page, site: LiveSite
) -> None:
    page = visitor
    sign_in(page)

    save(page, site, "************")

    expect(page.locator(".error")).to_contain_text("This is a mask, not the token.")
    expect(page.locator("[role=alert]")).to_be_focused()
    expect(page.get_by_label("Token", exact=True)).to_have_value("")


def test_a_wrong_typed_token_is_rejected_by_the_server_and_the_saved_one_still_works(
    visitor: Page, site: LiveSite
) -> None:
    page = visitor
    sign_in(page)
    save(page, site, TOKEN)
    page.goto(f"/playground/{site.demo_id}")
    expect(page.locator(".source-kept")).to_contain_text("saved ...6789")

    page.get_by_text("Use another token for this call").click()
    page.get_by_label("Token for this call only").fill(WRONG)
    expect(page.locator(".source-typed")).to_be_visible()
    expect(page.locator(".source-kept")).to_be_hidden()
    page.get_by_role("button", name="List tools").click()

    expect(page.get_by_role("alert")).to_contain_text("rejected by the server")
    list_tools(page, site)
    choose(page, "whoami").get_by_role("button", name="Call").click()
    expect(page.locator("#answer pre")).to_contain_text("demo person")


def test_without_a_token_the_playground_leads_to_the_form(visitor: Page, site: LiveSite) -> None:
    page = visitor
    sign_in(page)

    list_tools(page, site)

    expect(page.get_by_role("alert")).to_contain_text("This server wants a token, and you have saved none.")
    page.get_by_role("alert").get_by_role("link", name="Save a token").click()
    expect(page.locator("h1")).to_have_text("Token for Demo")


def test_a_typed_token_stays_in_the_page_until_it_is_left_and_nowhere_else(
    ann: Page, site: LiveSite, demo: Running
) -> None:
    page = ann
    page.goto(f"/playground/{site.demo_id}")
    page.get_by_text("Use a token for this call").click()
    page.get_by_label("Token for this call only").fill(TOKEN)
    page.get_by_role("button", name="List tools").click()

    panel = choose(page, "whoami")
    panel.get_by_role("button", name="Call").click()
    expect(page.locator("#answer")).to_contain_text("token typed for this call")
    page.locator(".panel:visible").get_by_role("button", name="Call").click()
    expect(page.locator("#answer")).to_contain_text("token typed for this call")

    assert TOKEN not in page.content()
    assert TOKEN not in str(page.context.storage_state())
    assert TOKEN not in page.url
    assert page.evaluate("Object.keys({...localStorage, ...sessionStorage}).length") == 0
    page.reload()
    assert page.get_by_label("Token for this call only").input_value() == ""


def test_a_refused_call_keeps_the_tools_and_what_was_typed(ann: Page, site: LiveSite) -> None:
    page = ann
    save(page, site, TOKEN)
    list_tools(page, site)
    panel = choose(page, "echo")
    panel.get_by_label("text").fill("hello")
    panel.get_by_text("Use another token for this call").click()
    panel.get_by_label("Token for this call only").fill(WRONG)

    panel.get_by_role("button", name="Call").click()

    expect(page.get_by_role("alert")).to_contain_text("rejected by the server")
    expect(panel.get_by_label("text")).to_have_value("hello")
    panel.get_by_label("Token for this call only").fill("")
    panel.get_by_role("button", name="Call").click()
    expect(page.locator("#answer pre").first).to_have_text("hello")


def test_what_is_typed_is_shown_only_while_one_asks_for_it(ann: Page, site: LiveSite) -> None:
    page = ann
    page.goto("/settings/tokens")
    row = row_of(page, site)
    row.locator("summary").click()
    field = row.locator("input[name=token]")
    expect(field).to_be_focused()
    field.fill(TOKEN)

    row.get_by_role("button", name="Show").click()
    expect(field).to_have_attribute("type", "text")
    row.get_by_role("button", name="Hide").click()

    expect(field).to_have_attribute("type", "password")
