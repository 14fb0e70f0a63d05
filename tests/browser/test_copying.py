"""What is shown once has a button that copies it: recovery codes, and the link of an invitation."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import make_admin
from tests.browser.live_site import LiveSite
from tests.browser.test_second_factor import code_on
from tests.factories import PASSWORD

pytestmark = pytest.mark.browser


def test_recovery_codes_are_copied_one_a_line(ann: Page, site: LiveSite) -> None:
    page = ann
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    page.goto("/settings/account/totp")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Code", exact=True).fill(code_on(page))
    page.get_by_role("button", name="Turn it on").click()

    page.get_by_role("button", name="Copy the codes").click()

    expect(page.locator("#copied")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.split("\n") == page.locator(".codes code").all_inner_texts()


def test_a_one_time_link_is_copied(ann: Page, site: LiveSite) -> None:
    page = ann
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    make_admin(site)
    page.goto("/admin/users/invite")
    page.get_by_label("Their email address").fill("new@example.com")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Invite").click()

    page.get_by_role("button", name="Copy the link").click()

    expect(page.locator("#copied")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.get_by_label("Their link").input_value()
