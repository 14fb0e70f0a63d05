"""What people see of what is theirs: tokens in every state, sessions, activity, account, second factor."""

from __future__ import annotations

from typing import Final

import pyotp

from tests.browser.every_page.shown import Shown, Visit, seen_by, sent
from tests.browser.every_page.site import CAREFUL, NEWCOMER, OWNER
from tests.factories import PASSWORD
from tests.mcp_servers.good import TOKEN

WRONG: Final = {"password": "not the password"}
OF_GITHUB: Final = "ghp_" + "Hn6c4Bd8Sf0Pj2Gu9c3d4"
SAVING: Final = "main form.token-form:has([name=token])"
CHECKING: Final = "main .is-state form"


def open_row(visit: Visit) -> None:
    row = visit.page.locator(f"#server-{visit.lived.facts['github']}")
    row.locator("summary").click()
    row.locator("[name=token]").fill("typed but not saved")
    row.locator("select").select_option("custom")


def take_every_slot(visit: Visit) -> None:
    """Let a check find that all places for waiting are taken."""
    slots = visit.lived.site.app.extensions["call_slots"]
    for somebody in range(-4, 0):
        visit.until_next.enter_context(slots.take(somebody))
    visit.send(CHECKING, "button")


def confirm_code(visit: Visit) -> None:
    secret = visit.page.locator("code.is-long").inner_text().replace(" ", "")
    visit.send(code=pyotp.TOTP(secret).now())


ACCOUNT: Final = "/settings/account"
TOKENS: Final = seen_by(
    OWNER,
    Shown("tokens", "/settings/tokens"),
    Shown("tokens, a row opened", "/settings/tokens", open_row),
    Shown("tokens that need somebody", "/settings/tokens?status=attention"),
    Shown("tokens, nothing found", "/settings/tokens?q=nothing-of-this-name"),
    Shown("token, none yet", "/settings/tokens/{cloudflare}"),
    Shown("token, empty field", "/settings/tokens/{cloudflare}", sent(SAVING, token="")),
    Shown("token, a mask", "/settings/tokens/{cloudflare}", sent(SAVING, token="••••••••")),
    Shown("token of somewhere else", "/settings/tokens/{cloudflare}", sent(SAVING, token=OF_GITHUB)),
    Shown("token, unreadable", "/settings/tokens/{figma}"),
    Shown("token, expiring", "/settings/tokens/{github}"),
    Shown("token, expired", "/settings/tokens/{infobip}"),
    Shown("token, rejected", "/settings/tokens/{linear}"),
    Shown("token, asked to renew", "/settings/tokens/{notion}"),
    Shown("token, on hold", "/settings/tokens/{sentry}"),
    Shown("token, server disabled", "/settings/tokens/{vercel}"),
    Shown("token, not available", "/settings/tokens/{webflow}"),
    Shown("token, checked", "/settings/tokens/{issue}", sent(CHECKING, "button")),
    Shown("token, no place to wait", "/settings/tokens/{issue}", take_every_slot),
    Shown("new address", "/settings/tokens/{sentry}/confirm-address"),
    Shown("new address, wrong password", "/settings/tokens/{sentry}/confirm-address", sent(**WRONG)),
    Shown("delete a token", "/settings/tokens/{github}/delete"),
    Shown("delete all tokens", "/settings/tokens/delete-all"),
    Shown("delete all tokens, wrong password", "/settings/tokens/delete-all", sent(**WRONG)),
    Shown("token, saved", "/settings/tokens/{issue}", sent(SAVING, token=f"Bearer {TOKEN}")),
    Shown("sessions", "/settings/sessions"),
    Shown("activity", "/settings/activity"),
    Shown("activity, nothing found", "/settings/activity?kind=totp"),
)
MINE: Final = seen_by(
    NEWCOMER,
    Shown("first run", "/settings/tokens"),
    Shown("account", ACCOUNT),
    Shown("e-mail address", f"{ACCOUNT}/email"),
    Shown("e-mail address, refused", f"{ACCOUNT}/email", sent(email="nowhere", password="")),
    Shown("password", f"{ACCOUNT}/password"),
    Shown("password, refused", f"{ACCOUNT}/password", sent(current_password="wrong", password="short")),
    Shown("delete the account", f"{ACCOUNT}/delete"),
    Shown("delete the account, wrong password", f"{ACCOUNT}/delete", sent(**WRONG)),
    Shown("second factor", f"{ACCOUNT}/totp"),
    Shown("second factor, wrong password", f"{ACCOUNT}/totp", sent(**WRONG)),
    Shown("second factor, for the app", f"{ACCOUNT}/totp", sent(password=PASSWORD)),
    Shown("second factor, wrong code", f"{ACCOUNT}/totp", sent(code="1")),
    Shown("recovery codes", f"{ACCOUNT}/totp", confirm_code),
    Shown("second factor, on", f"{ACCOUNT}/totp"),
    Shown("new recovery codes", f"{ACCOUNT}/totp/recovery-codes"),
    Shown("second factor, off", f"{ACCOUNT}/totp/disable"),
)
NOT_STORED: Final = seen_by(
    CAREFUL,
    Shown("tokens that are not stored", "/settings/tokens"),
    Shown("token that is not stored", "/settings/tokens/{linear}"),
    Shown("account that stores nothing", ACCOUNT),
    Shown("playground without storing", "/playground/{linear}"),
)
