"""Korean in the browser: the switch works without script."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import sign_in
from tests.browser.live_site import LiveSite

pytestmark = pytest.mark.browser


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
