"""A site whose catalogue and people are hostile, and the ways about its playground."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Locator, expect
from sqlalchemy import select

from app.extensions import db
from app.models import LoginSession, Server, User
from tests.browser.conftest import sign_in
from tests.browser.live_site import LiveSite, live_site
from tests.browser.watch import Watch, watched
from tests.factories import make_server, make_token, make_user
from tests.mcp_servers.hostile import QUOTES, SCRIPT
from tests.mcp_servers.hostile_texts import LINK, MARKUP, NAMES, NO_LINKS, WORDS
from tests.mcp_servers.running import Running

#: As hostile as an address that one can sign in with may be.
EMAIL: Final = "{{7*7}}'%s@example.com"
#: What people's rows hold besides: nothing that a form of ours would take.
HOSTILE_EMAIL: Final = f'"{SCRIPT}"@example.com'
OTHER_EMAIL: Final = f"'{QUOTES}'@example.com"
DISPLAY_NAME: Final = MARKUP["double quotes and element"]
AGENT: Final = MARKUP["image"]
CLIENT_ADDRESS: Final = QUOTES[:45]
#: Its last four characters are the hint that pages show.
TOKEN: Final = 'hostile-token-0123456789-"><b'
HINT: Final = '..."><b'
#: The one server that answers, one without a token, one whose address changed, one that is disabled.
LIVE: Final = f"Live {SCRIPT}"
EMPTY: Final = f"Empty {MARKUP['single quotes and element']}"
MISLEADING: Final = f"Misleading {WORDS['right to left']}{WORDS['separators']}"
MOVED: Final = f"Moved {QUOTES}"
DISABLED: Final = f"Disabled {MARKUP['end of title']}"
FORMER: Final = f"https://hostile.example/{MARKUP['iframe']}"


@contextmanager
def hostile_site(database_url: str, remote: Running) -> Iterator[LiveSite]:
    """Serve a site with a server for each name, which stands in all that a catalogue says of one."""
    with live_site(database_url, allow=(remote.host_port,)) as site:
        with site.app.app_context():
            ann = make_user(EMAIL, admin=True)
            make_user("other@example.com").email = OTHER_EMAIL
            for name in NAMES:
                make_token(ann, make_hostile_server(name), TOKEN)
            for number, address in enumerate(NO_LINKS):
                make_hostile_server(f"No link {number}.", token_help_url=address)
            make_hostile_server(EMPTY)
            make_hostile_server(MISLEADING)
            make_token(ann, make_hostile_server(MOVED), TOKEN, bound_url=FORMER)
            disabled = make_hostile_server(DISABLED)
            make_token(ann, disabled, TOKEN)
            disabled.is_enabled = False
            site.demo_id = make_hostile_server(LIVE, url=remote.url, token_required=False).id
            db.session.commit()
        yield site


def make_hostile_server(text: str, **columns: Any) -> Server:
    given = {
        "url": f"https://hostile.example/{SCRIPT}",
        "description": text,
        "token_help": f"help {text}",
        "token_placeholder": f"like {text}",
        "token_help_url": LINK,
    }
    return make_server(text, **given | columns)


def id_of(site: LiveSite, name: str) -> int:
    with site.app.app_context():
        return db.session.scalars(select(Server.id).where(Server.name == name)).one()


def person_id(site: LiveSite, email: str) -> int:
    with site.app.app_context():
        return db.session.scalars(select(User.id).where(User.email == email)).one()


@contextmanager
def hostile_person(browser: Browser, site: LiveSite) -> Iterator[Watch]:
    """Open the page of a hostile admin, whose other browser is hostile too."""
    with watched(browser, site.url) as watch:
        sign_in(watch.page, EMAIL)
        with site.app.app_context():
            person = db.session.scalars(select(User).where(User.email == EMAIL)).one()
            person.email, person.display_name = HOSTILE_EMAIL, DISPLAY_NAME
            here = db.session.scalars(select(LoginSession).where(LoginSession.user_id == person.id)).one()
            given = {column.key: getattr(here, column.key) for column in LoginSession.__table__.columns}
            hostile = {"id": None, "session_hash": "0" * 64, "client_address": CLIENT_ADDRESS, "agent": AGENT}
            db.session.add(LoginSession(**given | hostile))
            db.session.commit()
        yield watch


def by_fetch(form: Locator) -> None:
    """Send a form as people do: the page's own script takes parts of the answer into the page."""
    form.locator("button[type=submit]").first.click()


def by_document(form: Locator) -> None:
    """Send a form past the page's own script: the answer is a new document, and its scripts would run."""
    with form.page.expect_navigation():
        form.evaluate("form => HTMLFormElement.prototype.submit.call(form)")


Send = Callable[[Locator], None]
both_ways = pytest.mark.parametrize("send", [by_fetch, by_document])


def list_tools(watch: Watch, site: LiveSite, send: Send) -> None:
    """Open the live server's page and have its tools listed."""
    watch.page.goto(f"/playground/{site.demo_id}")
    send(watch.page.locator("form[data-send]"))
    watch.page.locator(".tool-list a").first.wait_for()


def choose(watch: Watch, tool: str) -> Locator:
    """Choose a tool by its place in the list: its name may be anything."""
    names = watch.page.locator(".tool-list .name").all_inner_texts()
    watch.page.locator(".tool-list a").nth(names.index(tool)).click()
    panel = watch.page.locator(".panel:visible")
    expect(panel.locator("h2")).to_have_text(tool)
    return panel


def call(watch: Watch, tool: str, send: Send) -> Locator:
    """Call a tool of those that are listed; returns what came of it."""
    form = choose(watch, tool).locator("form")
    watch.page.evaluate("document.getElementById('answer')?.remove()")
    send(form)
    answer = watch.page.locator("#answer")
    answer.wait_for()
    return answer
