"""The list of every page in its main states. Its order is that of the walk: some states make the next."""

from __future__ import annotations

from typing import Final

from tests.browser.every_page.admin_pages import CATALOGUE, EMPTY, FOR_AUDITORS, OVERSIGHT, PEOPLE
from tests.browser.every_page.doors import DOORS, ERRORS
from tests.browser.every_page.playground_pages import PLAYGROUND
from tests.browser.every_page.settings_pages import MINE, NOT_STORED, TOKENS
from tests.browser.every_page.shown import Shown

PAGES: Final[tuple[Shown, ...]] = (
    *DOORS,
    *TOKENS,
    *PLAYGROUND,
    *MINE,
    *NOT_STORED,
    *ERRORS,
    *CATALOGUE,
    *PEOPLE,
    *OVERSIGHT,
    *FOR_AUDITORS,
    *EMPTY,
)
