"""Draw the pictures of the READMEs again: `python -m tests.browser.screenshots` writes docs/images.

English ones for README.md, Korean ones in a folder of their own for docs/README.ko.md.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser

from tests.browser.every_page.playground_pages import SERVER, call
from tests.browser.every_page.shown import Shown, Visit, seen_by
from tests.browser.every_page.site import OWNER
from tests.browser.every_page.walk import walk
from tests.browser.gallery import chromium, fresh_site

IMAGES: Final = Path(__file__).resolve().parents[2] / "docs" / "images"
FOLDERS: Final = {"en": IMAGES, "ko": IMAGES / "ko"}


def open_row(visit: Visit) -> None:
    """Open one row, with a token being typed, and scroll nowhere."""
    row = visit.page.locator(f"#server-{visit.lived.facts['github']}")
    row.locator("summary").click()
    row.locator("input[name=token]").fill("a-made-up-token-for-show")
    row.locator("select").select_option("90")


def dismiss_oddities(visit: Visit) -> None:
    """Read the notices of the first visit away: they are not what the page is about."""
    notices = visit.page.locator(".notice.is-odd form button")
    while notices.count():
        with visit.page.expect_navigation():
            notices.first.click()
    visit.open("/settings/tokens")


#: Name of the file → the page, and how wide a window shows it.
PICTURES: Final[dict[str, tuple[Shown, dict[str, Any]]]] = {
    "tokens": (
        Shown("tokens", "/settings/tokens", lambda visit: (dismiss_oddities(visit), open_row(visit))),
        {"width": 1280, "height": 1100},
    ),
    "playground": (
        Shown("playground", SERVER, lambda visit: call(visit, "search_issues", query="checkout", limit="2")),
        {"width": 1280, "height": 920},
    ),
}


def draw(browser: Browser, language: str) -> None:
    """Draw all pictures in one language."""
    folder = FOLDERS[language]
    folder.mkdir(parents=True, exist_ok=True)
    pages = seen_by(OWNER, *(shown for shown, _size in PICTURES.values()))
    with fresh_site() as lived:
        for shown, visit in walk(browser, lived, pages, language, reduced_motion="reduce"):
            visit.page.set_viewport_size(PICTURES[shown.name][1])
            visit.page.evaluate("scrollTo(0, 0)")
            visit.page.screenshot(path=folder / f"{shown.name}.png")


def main() -> None:
    """Draw everything, and say what it weighs."""
    with chromium() as browser:
        for language in FOLDERS:
            draw(browser, language)
    for path in sorted(IMAGES.rglob("*.png")):
        sys.stdout.write(f"{path.relative_to(IMAGES)}: {path.stat().st_size // 1000} kB\n")


if __name__ == "__main__":
    main()
