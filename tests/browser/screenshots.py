"""Draw the README's picture again: `python -m tests.browser.screenshots` writes docs/images/tokens.png."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import sync_playwright

from app import clock
from tests import databases
from tests.browser.conftest import CHROMIUM, sign_in
from tests.browser.live_site import CHROMIUM_ARGUMENTS, LiveSite, live_site
from tests.factories import make_server, make_token, make_user

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "tokens.png"
#: Name, address, and what there is to know of the token: hours since its last use, days until it expires.
SERVERS = (
    ("Cloudflare", "https://docs.mcp.cloudflare.com/mcp", None, None),
    ("Context7", "https://mcp.context7.com/mcp", None, None),
    ("GitHub", "https://api.githubcopilot.com/mcp/", 2, 5.5),
    ("Hugging Face", "https://huggingface.co/mcp", 2, None),
    ("Linear", "https://mcp.linear.app/mcp", 70, 200),
    ("Notion", "https://mcp.notion.com/mcp", None, None),
    ("Sentry", "https://mcp.sentry.dev/mcp", 73, None),
    ("Stripe", "https://mcp.stripe.com", None, None),
)
MOVED = "Sentry"
OPENED = "GitHub"


def fill(site: LiveSite) -> None:
    """Put the servers, a person and their tokens into the database."""
    now = clock.now()
    with site.app.app_context():
        person = make_user("you@example.com")
        for name, address, used_hours_ago, days_left in SERVERS:
            server = make_server(name, url=address, token_help_url=address)
            if used_hours_ago is None:
                continue
            moved = {"bound_url": "https://sentry.example.com/mcp"} if name == MOVED else {}
            make_token(
                person,
                server,
                f"made-up-token-of-{name.replace(' ', '-').lower()}-{server.id}f3c",
                last_used_at=now - timedelta(hours=used_hours_ago),
                updated_at=now - timedelta(days=20 + server.id),
                expires_at=now + timedelta(days=days_left) if days_left else None,
                **moved,
            )


def draw(site: LiveSite) -> None:
    """Take the picture, with one row opened."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        with site.visit(browser, viewport={"width": 1280, "height": 800}) as page:
            sign_in(page, "you@example.com")
            row = page.locator("tr", has_text=OPENED)
            row.locator("summary").click()
            row.locator("input[name=token]").fill("a-made-up-token-for-show")
            row.locator("select").select_option("90")
            page.screenshot(path=PICTURE, full_page=True)
        browser.close()


def main() -> None:
    """Serve a site of its own, fill it, draw it."""
    with tempfile.TemporaryDirectory() as folder:
        template = databases.sqlite_template(Path(folder))
        with live_site(f"sqlite:///{template}") as site:
            fill(site)
            draw(site)


if __name__ == "__main__":
    main()
