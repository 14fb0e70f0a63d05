"""What strangers see: signing in and up, one-time links; and what everybody sees of what is not possible."""

from __future__ import annotations

from typing import Final

from tests.browser.every_page.shown import Shown, Visit, seen_by, sent
from tests.browser.every_page.site import CAREFUL, OWNER, WITH_CODE, email_of
from tests.factories import PASSWORD


def guess(visit: Visit) -> None:
    """Guess at a password until one has to wait."""
    for _ in range(6):
        visit.send(email=email_of("nobody"), password="not the password")


def forget_csrf(visit: Visit) -> None:
    visit.page.locator("main [name=csrf_token]").evaluate("field => field.remove()")
    visit.send()


def hurry(visit: Visit) -> None:
    """Send a form more often than a person may."""
    form = visit.page.locator("main form:has(button.is-main)")
    token = form.locator("[name=csrf_token]").input_value()
    for _ in range(60):
        visit.page.request.post(form.get_attribute("action") or "", form={"csrf_token": token})
    visit.send()


def ask_for_code(visit: Visit) -> None:
    visit.send(email=email_of(WITH_CODE), password=PASSWORD)


DOORS: Final = (
    Shown("sign-in", "/login"),
    Shown("sign-in, nothing filled in", "/login", sent()),
    Shown("sign-in, wrong password", "/login", sent(email=email_of(OWNER), password="not the password")),
    Shown("sign-in, too many attempts", "/login", guess),
    Shown("sign-up", "/sign-up"),
    Shown("sign-up, refused", "/sign-up", sent(email="not an address", password="short")),
    Shown("code", "/login", ask_for_code),
    Shown("code, wrong", "/login/code", sent(code="000000")),
    Shown("invitation", "/reset-password/{invitation}"),
    Shown("new password", "/reset-password/{reset}"),
    Shown("new password, too short", "/reset-password/{reset}", sent(password="short")),
    Shown("not found, as a stranger", "/nothing", status=404),
    Shown("reference of the API", "/api/docs"),
)
ERRORS: Final = seen_by(
    CAREFUL,
    Shown("not found", "/settings/nothing", status=404),
    Shown("not possible", "/settings/tokens?status=nonsense", status=422),
    Shown("form without proof of its origin", "/settings/account/email", forget_csrf),
    Shown("too many requests", "/settings/account/password", hurry),
)
