"""What people see of the playground: before and after its server was asked, and while it is."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Locator, Route

from tests.browser.every_page.shown import Shown, Visit, seen_by
from tests.browser.every_page.site import OWNER

SERVER: Final = "/playground/{issue}"


def list_tools(visit: Visit) -> None:
    visit.page.locator("form[data-send] button[type=submit]").first.click()
    visit.page.locator(".tool-list a, #answer").first.wait_for()


def choose(visit: Visit, tool: str) -> Locator:
    """Choose a tool; return its panel."""
    list_tools(visit)
    visit.page.locator(".tool-list a").filter(has=visit.page.get_by_text(tool, exact=True)).click()
    return visit.page.locator(".panel:visible")


def call(visit: Visit, tool: str, **arguments: str) -> None:
    panel = choose(visit, tool)
    for name, text in arguments.items():
        panel.locator(f"[name='arg-{name}']").fill(text)
    panel.locator("button.is-main[type=submit]").click()
    visit.page.locator("#answer, [aria-invalid=true]").first.wait_for()


def wait_for_answer(visit: Visit) -> None:
    """Call a tool whose answer is on its way for as long as one looks."""
    panel = choose(visit, "get_project")
    panel.locator("[name='arg-key']").fill("CHK")

    def hold(_route: Route) -> None:
        """Neither answer nor send it on."""

    visit.page.route("**/playground/*", hold)
    visit.until_next.callback(visit.page.unroute_all, behavior="ignoreErrors")
    visit.until_next.callback(visit.page.goto, "about:blank")
    panel.locator("button.is-main[type=submit]").click()
    visit.page.locator("[aria-busy=true]").wait_for()


PLAYGROUND: Final = seen_by(
    OWNER,
    Shown("playground", "/playground"),
    Shown("playground, nothing found", "/playground?q=nothing-of-this-name"),
    Shown("playground of a server", SERVER),
    Shown("playground, on hold", "/playground/{sentry}"),
    Shown("playground, no token", "/playground/{cloudflare}"),
    Shown("playground, no answer", "/playground/{wiki}", list_tools),
    Shown("tools", SERVER, list_tools),
    Shown("a tool", SERVER, lambda visit: choose(visit, "search_issues")),
    Shown("an argument is missing", SERVER, lambda visit: call(visit, "get_project")),
    Shown("a call that runs", SERVER, wait_for_answer),
    Shown("an answer as a table", SERVER, lambda visit: call(visit, "search_issues", query="checkout")),
    Shown("an answer as JSON", SERVER, lambda visit: call(visit, "get_project", key="CHK")),
    Shown("an answer as a picture", SERVER, lambda visit: call(visit, "burndown_chart", milestone="2.4")),
    Shown("an answer as text", SERVER, lambda visit: call(visit, "echo", text="안녕하세요, " * 30)),
    Shown("a tool that fails", SERVER, lambda visit: call(visit, "fail")),
)
