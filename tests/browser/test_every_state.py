"""From every state a person gets to *Accepted* by following what the page says, without script."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app import clock
from app.extensions import db
from app.models import Server, Token, User
from tests.browser.conftest import sign_in
from tests.browser.live_site import LiveSite
from tests.factories import PASSWORD, make_token
from tests.mcp_servers.good import TOKEN

pytestmark = pytest.mark.browser

WRONG = "wrong-token-0123456789"
GITHUB = "ghp_" + "Hn6c4Bd8Sf0Pj2Gu9c3d4"
DAY = timedelta(days=1)


def have(site: LiveSite, token: str = TOKEN, saved_for: str | None = None, **columns: Any) -> None:
    """Give Ann a token, saved for another address than the present one where one is named."""
    with site.app.app_context():
        server = db.session.get_one(Server, site.demo_id)
        user, here = db.session.scalars(db.select(User)).one(), server.url
        server.url = saved_for or here
        db.session.commit()
        make_token(user, server, token, **columns)
        server.url = here
        db.session.commit()


def row(page: Page, site: LiveSite) -> Any:
    return page.locator(f"#server-{site.demo_id}")


def paste(page: Page, token: str) -> None:
    page.locator("main input[name=token]:visible").fill(token)
    page.get_by_role("button", name="Save token", exact=True).locator("visible=true").click()


def open_row(page: Page, site: LiveSite, word: str) -> None:
    """Press what the row offers."""
    summary = row(page, site).locator("summary")
    expect(summary).to_contain_text(word)
    summary.click()


def replace(page: Page, site: LiveSite) -> None:
    open_row(page, site, "Replace")
    paste(page, TOKEN)


def save(page: Page, site: LiveSite) -> None:
    open_row(page, site, "Save token")
    paste(page, TOKEN)


def check(page: Page, site: LiveSite) -> None:
    open_row(page, site, "Replace")
    row(page, site).get_by_role("button", name="Check", exact=True).click()


def confirm(page: Page, site: LiveSite) -> None:
    open_row(page, site, "Review address")
    row(page, site).get_by_role("link", name="Look at both addresses").click()
    expect(page.locator("mark").first).to_be_visible()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Send it to this address").click()
    expect(page.locator(".notice")).to_contain_text("Check whether it is accepted there")
    page.get_by_role("button", name="Check the saved token").click()


def mend_at_provider(page: Page, site: LiveSite) -> None:
    """The server takes the rejected token by now: it is checked again, not pasted again."""
    with site.app.app_context():
        db.session.execute(db.update(Token).values(last_check_result="rejected"))
        db.session.commit()
    page.reload()
    expect(row(page, site)).to_contain_text("Rejected")
    check(page, site)


#: State → (how it comes about, what the row says, what the person does).
Way = tuple[Callable[[LiveSite], None], str, Callable[[Page, LiveSite], None]]
WAYS: dict[str, Way] = {
    "none": (lambda site: None, "No token", save),
    "saved": (have, "Saved", check),
    "on hold": (lambda site: have(site, saved_for="https://old.example.com/mcp"), "On hold", confirm),
    "expired": (lambda site: have(site, expires_at=clock.now() - DAY), "Expired", replace),
    "expiring": (lambda site: have(site, expires_at=clock.now() + 3 * DAY), "Expires in 3 days", replace),
    "rejected": (
        lambda site: have(site, WRONG, last_check_result="rejected", last_check_reason="refused"),
        "Rejected",
        replace,
    ),
    "mended": (have, "Saved", mend_at_provider),
    "unreadable": (
        lambda site: have(site, token_encrypted="damaged", unreadable_at=clock.now()),
        "Cannot be read",
        replace,
    ),
}


@pytest.mark.parametrize("visitor", [False], indirect=True, ids=["no-script"])
@pytest.mark.parametrize("state", WAYS)
def test_a_person_gets_to_accepted_by_what_the_page_says(visitor: Page, site: LiveSite, state: str) -> None:
    prepare, word, act = WAYS[state]
    prepare(site)
    sign_in(visitor)
    expect(row(visitor, site)).to_contain_text(word)

    act(visitor, site)

    visitor.goto("/settings/tokens")
    expect(row(visitor, site).locator(".badge")).to_have_text("Accepted")


def test_a_rejected_paste_is_not_saved_and_then_saved_as_the_form_says(visitor: Page, site: LiveSite) -> None:
    have(site)
    sign_in(visitor)
    open_row(visitor, site, "Replace")
    paste(visitor, WRONG)
    expect(visitor.locator(".error").first).to_contain_text("it was not saved")
    expect(visitor.locator("main .hint")).to_have_text("...6789")
    expect(visitor.locator("main input[name=token]")).to_have_value("")

    visitor.get_by_label("Check it with the server first").uncheck()
    paste(visitor, WRONG)

    expect(visitor.locator(".notice.is-success")).to_contain_text("Token replaced")
    expect(visitor.locator(".notice.is-info")).to_contain_text("Not checked since it was saved")
    visitor.locator(".next-step").get_by_role("button", name="Check").click()
    expect(visitor.locator("main .badge").first).to_have_text("Rejected")


def test_a_token_that_belongs_elsewhere_needs_a_tick(visitor: Page, site: LiveSite) -> None:
    sign_in(visitor)
    open_row(visitor, site, "Save token")
    paste(visitor, GITHUB)
    expect(visitor.locator(".error").first).to_contain_text("looks like a token of GitHub")

    visitor.get_by_label("This server may have this token").check()
    visitor.get_by_label("Check it with the server first").uncheck()
    paste(visitor, GITHUB)

    expect(visitor.locator(".notice.is-success")).to_contain_text("Token saved for Demo.")


def test_by_keyboard_enter_saves_and_never_only_checks(visitor: Page, site: LiveSite) -> None:
    have(site, "an-older-token-0123456789")
    sign_in(visitor)
    row(visitor, site).locator("summary").focus()
    visitor.keyboard.press("Enter")
    field = row(visitor, site).locator("input[name=token]")
    field.focus()
    visitor.keyboard.type(TOKEN)
    visitor.keyboard.press("Enter")

    expect(visitor.locator(".notice.is-success")).to_contain_text("Token replaced for Demo. Accepted")


def panel(page: Page) -> Any:
    return page.locator(".panel:visible")


def call_with(page: Page, token: str) -> None:
    """Type a token into the form that is to be seen, and send it."""
    form = page.locator("form[data-send]:visible", has=page.locator("input.typed-token")).first
    if not form.locator("input.typed-token").is_visible():
        form.locator("summary").click()
    form.locator("input.typed-token").fill(token)
    form.get_by_role("button").filter(has_text=re.compile("List tools|Call")).click()


def test_in_the_playground_a_token_that_belongs_elsewhere_is_called_with_after_a_tick(
    visitor: Page, site: LiveSite, request: pytest.FixtureRequest
) -> None:
    page, has_script = visitor, "no-script" not in request.node.name
    have(site)
    sign_in(page)
    page.goto(f"/playground/{site.demo_id}")
    page.get_by_role("button", name="List tools").click()
    page.locator(".tool-list a", has_text="add").click()
    panel(page).locator("[name=arg-a]").fill("2")
    panel(page).locator("[name=arg-b]").fill("40")
    expect(page.locator(".belongs:visible")).to_have_count(0)

    call_with(page, GITHUB)

    # Said where one looks, and the tick is where one ticks it; nothing that was typed is lost.
    expect(page.locator("#answer")).to_contain_text("looks like a token of GitHub")
    page.get_by_label("This server may have this token").locator("visible=true").check()
    call_with(page, GITHUB)
    expect(page.locator("#answer")).to_contain_text("rejected by the server")
    expect(page.get_by_label("This server may have this token").locator("visible=true")).to_be_visible()
    if has_script:
        # The same token need not be ticked for again, and the next one does.
        page.locator(".tool-list a", has_text="echo").click()
        tick = panel(page).get_by_label("This server may have this token")
        expect(tick).to_be_checked()
        panel(page).locator("input.typed-token").fill(GITHUB + "x")
        expect(tick).not_to_be_checked()
