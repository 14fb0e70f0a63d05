"""Walk: through the list of pages, each in its state and with whoever sees it so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser.every_page.shown import Shown, Visit
from tests.browser.every_page.site import Lived, email_of
from tests.factories import PASSWORD

#: Language → what a browser of its readers says.
LOCALES = {"en": "en-US", "ko": "ko-KR"}


def walk(
    browser: Browser,
    lived: Lived,
    pages: Iterable[Shown],
    language: str,
    prepare: Callable[[Page], object] = lambda page: None,
    **settings: Any,
) -> Iterator[tuple[Shown, Visit]]:
    """Yield each page with the visit that has reached it, in this language.

    A context for each run of pages that one person sees, as `LiveSite.visit` opens it with these settings;
    `prepare` is given its page before it goes anywhere.
    """
    for who, run in groupby(pages, key=lambda one: one.who):
        with lived.site.visit(browser, locale=LOCALES[language], **settings) as page:
            prepare(page)
            visit = Visit(page, lived)
            if who:
                visit.open("/login")
                visit.send(email=email_of(who), password=PASSWORD)
            for one in run:
                one.reach(visit)
                yield one, visit
            visit.until_next.close()
