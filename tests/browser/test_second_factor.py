"""A second factor in the browser: set up, and signed in with, without script."""

from __future__ import annotations

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.live_site import LiveSite
from tests.factories import PASSWORD

pytestmark = pytest.mark.browser


def sign_in_with_password(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("Email").fill("ann@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def code_on(page: Page) -> str:
    """Return what an authenticator app shows that was given the secret on this page."""
    secret = page.locator("code.is-long").inner_text().replace(" ", "")
    return pyotp.TOTP(secret).now()


def test_a_second_factor_is_set_up_and_used_without_script(browser: Browser, site: LiveSite) -> None:
    with site.visit(browser, java_script_enabled=False) as page:
        sign_in(page)
        page.goto("/settings/account")
        page.get_by_role("link", name="Set up Second factor").click()
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_role("button", name="Go on").click()
        page.get_by_label("Code", exact=True).fill(code_on(page))
        page.get_by_role("button", name="Turn it on").click()
        recovery_code = page.locator(".codes code").first.inner_text()
        page.get_by_role("link", name="I have kept them").click()
        expect(page.locator("main")).to_contain_text("10 recovery codes left.")
        page.get_by_role("button", name="Sign out").click()

        sign_in_with_password(page)
        page.get_by_label("Code", exact=True).fill(recovery_code)
        page.get_by_role("button", name="Sign in").click()

        page.wait_for_url("**/settings/tokens")
