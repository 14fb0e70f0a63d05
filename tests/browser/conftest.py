"""A live site with a real MCP server beside it, and visitors with and without JavaScript."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from app.extensions import db
from app.models import User
from tests import databases
from tests.browser.live_site import CHROMIUM_ARGUMENTS, LiveSite, live_site
from tests.factories import PASSWORD, make_server, make_user
from tests.mcp_servers import good
from tests.mcp_servers.running import Running, running

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    if CHROMIUM is None:
        databases.skip_or_fail("there is no Chromium on this machine")
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": CHROMIUM_ARGUMENTS}


@pytest.fixture(scope="session")
def demo() -> Iterator[Running]:
    """Return the demo MCP server, running."""
    with running(good.demo()) as server:
        yield server


@pytest.fixture
def site(sqlite_template: Path, tmp_path: Path, demo: Running) -> Iterator[LiveSite]:
    """Return a site whose catalogue holds the demo server and one more; Ann has an account."""
    with live_site(databases.copy_of(sqlite_template, tmp_path), allow=(demo.host_port,)) as site:
        with site.app.app_context():
            make_user("ann@example.com")
            site.demo_id = make_server("Demo", url=demo.url).id
            make_server("Other", token_help_url="https://other.example.com/tokens")
        yield site


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def visitor(request: pytest.FixtureRequest, browser: Browser, site: LiveSite) -> Iterator[Page]:
    """Return a stranger's page; whatever the browser complains about fails the test."""
    with site.visit(browser, java_script_enabled=request.param) as page:
        yield page


@pytest.fixture
def ann(browser: Browser, site: LiveSite) -> Iterator[Page]:
    """Return Ann's page, signed in, with JavaScript."""
    with site.visit(browser) as page:
        sign_in(page)
        yield page


def sign_in(page: Page, email: str = "ann@example.com") -> None:
    page.goto("/login")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/settings/tokens")


def make_admin(site: LiveSite) -> None:
    """Let everybody administer."""
    with site.app.app_context():
        db.session.execute(db.update(User).values(role="admin"))
        db.session.commit()
