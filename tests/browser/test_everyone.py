"""Pages for everyone: by keyboard, with assistive technology, in light and dark, on a narrow screen."""

from __future__ import annotations

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from app.extensions import db
from app.models import User
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


class Walk:
    """A walk through pages, that notes what axe and the width have to say of each."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.found: list[str] = []

    def look(self, name: str) -> None:
        for violation in Axe().run(self.page).response["violations"]:
            targets = [node["target"] for node in violation["nodes"]]
            self.found.append(f"{name}: {violation['id']} at {targets}")
        wider = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if wider > 0:
            self.found.append(f"{name}: {wider} px too wide")

    def open_and_look(self, *paths: str) -> None:
        for path in paths:
            self.page.goto(path)
            self.look(path)


def walk_the_main_path(walk: Walk, site: LiveSite) -> None:
    page = walk.page
    walk.open_and_look("/login")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    walk.look("/login with errors")
    walk.open_and_look("/sign-up")
    sign_in(page)
    walk.open_and_look("/settings/tokens")
    page.locator(f"#server-{site.demo_id} summary").click()
    page.locator(f"#server-{site.demo_id} select").select_option("custom")
    walk.look("/settings/tokens, a row opened")
    page.locator(f"#token-{site.demo_id}").fill("****")
    page.locator(f"#server-{site.demo_id}").get_by_role("button", name="Save token", exact=True).click()
    walk.look("one token with an error")
    page.get_by_label("Token", exact=True).fill(TOKEN)
    page.get_by_label("Expires").select_option("7")
    page.get_by_role("button", name="Save token").click()
    walk.look("/settings/tokens after saving")
    walk.open_and_look("/settings/tokens?q=nothing")
    walk.open_and_look(f"/settings/tokens/{site.demo_id}/delete")
    walk.open_and_look("/playground")
    walk.open_and_look(f"/playground/{site.demo_id}")
    page.get_by_role("button", name="List tools").click()
    page.locator(".tool-list a", has_text="echo").click()
    walk.look("tools")
    page.locator(".panel:visible").get_by_role("button", name="Call").click()
    page.locator(".error").wait_for()
    walk.look("an argument is missing")
    page.locator(".panel:visible").get_by_label("text").fill("word" * 100)
    page.locator(".panel:visible").get_by_role("button", name="Call").click()
    page.locator("#answer pre").first.wait_for()
    walk.look("an answer")
    walk.open_and_look("/settings/nothing")


def walk_the_account_and_the_people(walk: Walk, site: LiveSite) -> None:
    page = walk.page
    account = "/settings/account"
    walk.open_and_look("/settings/activity", "/settings/activity?kind=totp")
    walk.open_and_look("/settings/sessions", account, f"{account}/email", f"{account}/password")
    walk.open_and_look(f"{account}/delete", f"{account}/totp")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    walk.look("a secret for the app")
    page.get_by_label("Code", exact=True).fill("1")
    page.get_by_role("button", name="Turn it on").click()
    walk.look("a wrong code")
    page.get_by_label("Code", exact=True).fill(code_on(page))
    page.get_by_role("button", name="Turn it on").click()
    page.locator(".codes").wait_for()
    walk.look("recovery codes")
    walk.open_and_look(f"{account}/totp", f"{account}/totp/recovery-codes", f"{account}/totp/disable")
    make_admin(site)
    walk.open_and_look("/admin/encryption", "/admin/users", "/admin/users?q=nobody")
    walk_the_catalogue(walk, site)
    walk.open_and_look("/admin/audit", "/admin/audit?actor=nobody")
    walk.open_and_look("/admin/users/1/totp", "/admin/users/1/reset-totp", "/admin/users/1")
    acts = ("role", "disable", "enable", "sign-out", "invitation", "password-link")
    walk.open_and_look("/admin/users/invite", *(f"/admin/users/1/{act}" for act in acts))
    page.goto("/admin/users/invite")
    page.get_by_label("Their email address").fill("new@example.com")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Invite").click()
    page.get_by_label("Their link").wait_for()
    walk.look("the link of an invitation")
    walk.open_and_look("/admin/users/2", "/admin/users/2/delete")
    page.get_by_role("button", name="Sign out").click()
    sign_in_with_password(page)
    walk.look("/login/code")


def walk_the_catalogue(walk: Walk, site: LiveSite) -> None:
    page = walk.page
    walk.open_and_look("/admin/servers", "/admin/servers?q=nothing", f"/admin/servers/{site.demo_id}")
    page.get_by_label("Name", exact=True).fill("")
    page.get_by_role("button", name="Save").click()
    walk.look("a server without a name")
    page.get_by_label("Name", exact=True).fill("Demo")
    page.get_by_label("Address", exact=True).fill("https://new.example.com/mcp")
    page.get_by_role("button", name="Save").click()
    page.get_by_label("Put the token of 1 person on hold").wait_for()
    walk.look("a server whose new address holds a token")
    walk.open_and_look("/admin/servers/new", f"/admin/servers/{site.demo_id}/delete")
    page.get_by_role("button", name="Delete it").click()
    walk.look("a server that was not named")
    page.goto(f"/admin/servers/{site.demo_id}")
    page.get_by_role("button", name="Try it").click()
    page.get_by_text("Nobody's token was sent.").wait_for()
    walk.look("a server that was tried")
    page.goto("/admin/servers/new")
    page.get_by_label("Header that carries the token").fill("X-API-Key")
    page.get_by_text("X-API-Key: ••••").wait_for()
    page.get_by_role("button", name="Add the server").click()
    walk.look("a new server that lacks all")


def sign_in_with_password(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("Email").fill("ann@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def code_on(page: Page) -> str:
    """Return what an authenticator app shows that was given the secret on this page."""
    secret = page.locator("code.is-long").inner_text().replace(" ", "")
    return pyotp.TOTP(secret).now()


def make_admin(site: LiveSite) -> None:
    with site.app.app_context():
        db.session.execute(db.update(User).values(role="admin"))
        db.session.commit()


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_shuts_anybody_out(browser: Browser, site: LiveSite, scheme: str, width: int) -> None:
    viewport = {"width": width, "height": 800}

    with site.visit(browser, color_scheme=scheme, viewport=viewport) as page:
        walk = Walk(page)
        walk_the_main_path(walk, site)
        walk_the_account_and_the_people(walk, site)

    assert walk.found == []
