"""Shown: one page in one of its states, and how one gets there without a word of any language."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from playwright.sync_api import Page

from tests.browser.every_page.site import STRANGER, Lived

#: The form of a page: the one with its main button.
MAIN_FORM: Final = "main form:has(button.is-main)"


@dataclass
class Visit:
    """Somebody at a page. `until_next`: what is undone before the next page is opened."""

    page: Page
    lived: Lived
    until_next: ExitStack = field(default_factory=ExitStack)

    def open(self, path: str, status: int = 200) -> None:
        """Go to a page; `{names}` stand for what the site is filled with."""
        answer = self.page.goto(path.format(**self.lived.facts))
        assert answer is not None
        assert answer.status == status, f"{path}: {answer.status}"

    def send(self, form: str = MAIN_FORM, button: str = "button.is-main", **fields: str | bool) -> None:
        """Fill fields of a form, by their names, press its button, and wait for the page that comes."""
        inside = self.page.locator(form).locator("visible=true").first
        for name, value in fields.items():
            control = inside.locator(f"[name='{name}']:not([type=hidden])")
            if isinstance(value, bool):
                control.set_checked(value)
            elif control.evaluate("control => control.localName") == "select":
                control.select_option(value)
            else:
                control.fill(value)
        with self.page.expect_navigation():
            inside.locator(button).first.click()


Act = Callable[[Visit], Any]


@dataclass(frozen=True)
class Shown:
    """A page in a state. `who` looks; `status` is that of the path alone; then `act` is done, if any."""

    name: str
    path: str
    act: Act | None = None
    who: str = STRANGER
    status: int = 200

    def reach(self, visit: Visit) -> None:
        """Bring the page into this state."""
        visit.until_next.close()
        visit.open(self.path, self.status)
        if self.act:
            self.act(visit)


def sent(form: str = MAIN_FORM, button: str = "button.is-main", **fields: str | bool) -> Act:
    """Return the act of sending a form."""
    return lambda visit: visit.send(form, button, **fields)


def seen_by(who: str, *pages: Shown) -> tuple[Shown, ...]:
    """Return these pages as somebody sees them who has signed in."""
    return tuple(Shown(one.name, one.path, one.act, who, one.status) for one in pages)
