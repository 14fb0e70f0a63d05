"""The list of every page in its main states. The order is that of the walk: some states make the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.browser.every_page.admin_pages import CATALOGUE, EMPTY, FOR_AUDITORS, OVERSIGHT, PEOPLE
from tests.browser.every_page.doors import DOORS, ERRORS
from tests.browser.every_page.playground_pages import PLAYGROUND
from tests.browser.every_page.settings_pages import MINE, NOT_STORED, TOKENS
from tests.browser.every_page.shown import Shown

#: Parts of the walk of which each needs a new site and no other part, so that they can be gone at once.
PARTS: Final[Mapping[str, tuple[Shown, ...]]] = {
    "doors": (*DOORS, *ERRORS),
    "tokens": TOKENS,
    "playground": PLAYGROUND,
    "account": (*MINE, *NOT_STORED),
    "catalogue": CATALOGUE,
    "oversight": (*PEOPLE, *OVERSIGHT, *FOR_AUDITORS, *EMPTY),
}
PAGES: Final = tuple(page for part in PARTS.values() for page in part)
