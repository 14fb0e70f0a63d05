"""Korean in the browser: the switch works without script, and no page breaks at its words."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.live_site import LiveSite
from tests.browser.test_everyone import Walk, make_admin

pytestmark = pytest.mark.browser

PAGES = (
    "/settings/tokens",
    "/settings/tokens/1",
    "/settings/sessions",
    "/settings/activity",
    "/settings/account",
    "/settings/account/totp",
    "/playground/1",
    "/admin/servers",
    "/admin/servers/1",
    "/admin/servers/import",
    "/admin/users",
    "/admin/users/1",
    "/admin/groups",
    "/admin/tokens",
    "/admin/encryption",
    "/admin/audit",
    "/nothing",
)


def test_the_switch_leads_back_to_the_same_page_in_the_other_language(visitor: Page, site: LiveSite) -> None:
    sign_in(visitor)
    visitor.goto("/settings/tokens?q=demo")

    visitor.get_by_role("button", name="한국어").click()

    expect(visitor.locator("h1")).to_have_text("토큰")
    assert visitor.url.endswith("/settings/tokens?q=demo")
    visitor.get_by_role("button", name="로그아웃").click()
    expect(visitor.locator("h1")).to_have_text("로그인")
    expect(visitor.locator(".notice.is-success")).to_contain_text("로그아웃했습니다.")
    visitor.get_by_role("button", name="English").click()
    expect(visitor.locator("h1")).to_have_text("Sign in")


@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_is_too_wide_for_korean(browser: Browser, site: LiveSite, width: int) -> None:
    make_admin(site)

    with site.visit(browser, viewport={"width": width, "height": 800}) as page:
        sign_in(page)
        page.get_by_role("button", name="한국어").click()
        walk = Walk(page)
        walk.open_and_look(*PAGES)
        expect(page.locator("html")).to_have_attribute("lang", "ko")

    assert walk.found == []
