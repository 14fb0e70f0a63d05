"""Draw every page in every size, theme and language: `python -m tests.browser.gallery`.

Writes into test-results/gallery: a picture each, `index.html` with all of them, and contact sheets.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

from playwright.sync_api import Browser, sync_playwright

from tests import databases
from tests.browser.conftest import CHROMIUM
from tests.browser.every_page.pages import PAGES
from tests.browser.every_page.site import Lived, lived_in_site
from tests.browser.every_page.walk import LOCALES, walk
from tests.browser.live_site import CHROMIUM_ARGUMENTS
from tests.mcp_servers.running import running
from tests.mcp_servers.tracker import tracker

FOLDER: Final = Path(__file__).resolve().parents[2] / "test-results" / "gallery"
SIZES: Final = {"desktop": (1280, 900), "phone": (390, 844)}
SCHEMES: Final = ("light", "dark")
#: On a contact sheet.
COLUMNS: Final = {"desktop": 3, "phone": 8}
SHEET_WIDTH: Final = 1600
STYLE: Final = """
  body { display: grid; gap: 12px; align-items: start; margin: 12px; background: #888; }
  figure { margin: 0; background: #fff; }
  img { display: block; width: 100%; }
  figcaption { padding: 3px 6px; font: 12px sans-serif; }
"""


class Picture(NamedTuple):
    """A picture that was drawn, in the folder."""

    path: Path
    size: str
    scheme: str
    language: str
    caption: str


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser of the tests, outside of a test."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def fresh_site() -> Iterator[Lived]:
    """Serve a site that looks lived in, on a database of its own."""
    with tempfile.TemporaryDirectory() as folder, running(tracker()) as remote:
        template = databases.sqlite_template(Path(folder))
        with lived_in_site(f"sqlite:///{template}", remote) as lived:
            yield lived


def draw(browser: Browser, language: str, wanted: Sequence[str]) -> Iterator[Picture]:
    """Draw pages in one language, each in every size and both schemes: those with these words in their names.

    The others are only walked through: some states make the next.
    """
    with fresh_site() as lived:
        for number, (shown, visit) in enumerate(walk(browser, lived, PAGES, language), 1):
            if wanted and not any(word in shown.name for word in wanted):
                continue
            for size, (width, height) in SIZES.items():
                visit.page.set_viewport_size({"width": width, "height": height})
                for scheme in SCHEMES:
                    visit.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                    name = f"{number:03}-{shown.name.replace(', ', '--').replace(' ', '-')}"
                    path = FOLDER / f"{size}-{scheme}-{language}" / f"{name}.png"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    visit.page.screenshot(path=path, full_page=True)
                    yield Picture(path, size, scheme, language, shown.name)
            visit.page.set_viewport_size({"width": 1280, "height": 900})


def page_of(pictures: list[Picture], columns: int) -> str:
    """Return HTML that shows these pictures side by side."""
    figures = "".join(
        f'<figure><a href="{one.path.relative_to(FOLDER).as_posix()}">'
        f'<img loading="eager" src="{one.path.relative_to(FOLDER).as_posix()}" alt=""></a>'
        f"<figcaption>{escape(one.caption)} · {one.size} · {one.scheme} · {one.language}</figcaption>"
        "</figure>"
        for one in pictures
    )
    columns_style = f"body {{ grid-template-columns: repeat({columns}, minmax(0, 1fr)); }}"
    return f'<!doctype html><meta charset="utf-8"><style>{STYLE}{columns_style}</style>{figures}'


def make_sheets(browser: Browser, pictures: list[Picture]) -> int:
    """Write contact sheets: a few pictures of one kind in each; return how many."""
    page = browser.new_page(viewport={"width": SHEET_WIDTH, "height": 900})
    written = 0
    kinds = sorted({(one.size, one.scheme, one.language) for one in pictures})
    for kind in kinds:
        own = [one for one in pictures if (one.size, one.scheme, one.language) == kind]
        on_one = COLUMNS[kind[0]] * 2
        for number, first in enumerate(range(0, len(own), on_one), 1):
            source = FOLDER / "sheet.html"
            source.write_text(page_of(own[first : first + on_one], COLUMNS[kind[0]]), encoding="utf-8")
            page.goto(source.as_uri())
            target = FOLDER / "sheets" / f"{'-'.join(kind)}-{number:02}.png"
            page.screenshot(path=target, full_page=True)
            source.unlink()
            written += 1
    page.close()
    return written


def main() -> None:
    """Draw those whose names hold the words on the command line, or all."""
    wanted = sys.argv[1:]
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "sheets").mkdir(parents=True)
    with chromium() as browser:
        pictures = [one for language in LOCALES for one in draw(browser, language, wanted)]
        (FOLDER / "index.html").write_text(page_of(pictures, 4), encoding="utf-8")
        sheets = make_sheets(browser, pictures)
    sys.stdout.write(f"{len(pictures)} pictures and {sheets} contact sheets: {FOLDER / 'index.html'}\n")


if __name__ == "__main__":
    main()
