"""Watch: notices whatever a page does or holds that no page of ours may, and reads what it shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request

from app.web.foreign import UNSAFE
from tests.mcp_servers.hostile_texts import MARKER

#: Runs before anything of a page, in each of its frames. A setter, so that going elsewhere hides nothing.
LISTEN: Final = f"""
  addEventListener("securitypolicyviolation", (event) =>
    noted(`violation of ${{event.effectiveDirective}} by ${{event.blockedURI}} ${{event.sample}}`), true);
  Object.defineProperty(window, "{MARKER}", {{ set: (value) => noted(`ran and set ${{value}}`) }});
"""
#: Elements that no page of ours has, and attributes that none of its elements has.
STRANGE: Final = """
  const ELEMENTS = "iframe, frame, object, embed, applet, base, style, math, foreignObject, animate, set,"
    + "template, marquee, plaintext, audio, video, meta[http-equiv], script:not([src^='/static/js/'])";
  const ATTRIBUTES = /^(on.*|style|srcdoc|srcset|ping|data-hostile)$/;
  const ADDRESSES = ["href", "xlink:href", "src", "action", "formaction", "data", "poster", "background"];
  function isOurs(element, address) {
    const { origin, protocol } = new URL(address, document.baseURI);
    const isLink = element.localName === "a" && /(^| )noopener( |$)/.test(element.rel);
    return origin === location.origin || (isLink && /^https?:$/.test(protocol));
  }
  function strange() {
    const found = [], ids = new Set();
    for (const element of document.querySelectorAll("*")) {
      const say = (what) => found.push(`${what}: ${element.outerHTML.slice(0, 300)}`);
      if (element.matches(ELEMENTS)) say("element");
      for (const { name, value } of element.attributes) {
        if (ATTRIBUTES.test(name)) say(name);
        if (ADDRESSES.includes(name) && !isOurs(element, value)) say(name);
        if (name === "id" && ids.size === ids.add(value).size) say("id twice");
      }
    }
    if (document.documentElement.scrollWidth > innerWidth) found.push("wider than the window");
    return found;
  }
"""
#: What stands in fields that people see: what was typed, what could be, what there is to choose from.
FIELDS: Final = """
  function fields() {
    const all = [...document.querySelectorAll("input:not([type=hidden]), textarea, select")];
    return all.filter((field) => field.checkVisibility()).flatMap((field) =>
      [field.value, field.placeholder ?? "", ...[...(field.options ?? [])].map((option) => option.text)]);
  }
"""
INSPECT: Final = f"""async () => {{
  {STRANGE}{FIELDS}
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const headings = [...document.querySelectorAll("h1")].map((heading) => heading.innerText);
  const title = document.title;
  return {{ title, headings, text: document.body.innerText, fields: fields(), strange: strange() }};
}}"""


class Watch:
    """A page that is watched. `seen`: what happened there and should not have."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.seen: list[str] = []
        self._origin = origin
        page.context.expose_binding("noted", lambda _source, text: self.seen.append(text))
        page.context.add_init_script(LISTEN)
        page.context.on("request", self._on_request)
        page.context.on("page", lambda other: self.seen.append(f"another page: {other.url}"))
        page.on("dialog", self._on_dialog)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.seen.append(f"error: {error}"))
        for event in ("frameattached", "download", "worker", "websocket", "crash"):
            page.on(event, lambda _what, event=event: self.seen.append(event))

    def look(self, heading: str | None, *texts: str) -> None:
        """Assert that the page shows heading and texts, and neither did nor holds anything strange.

        Without a heading: whatever one it has.
        """
        found = self.inspect()

        assert found["strange"] == [], self.page.url
        assert self.seen == [], self.page.url
        assert found["headings"] == ([_squeezed(heading)] if heading else found["headings"][:1])
        assert [found["title"]] == [f"{one} · MCP Market" for one in found["headings"]]
        shown = [_squeezed(text) for text in (found["text"], *found["fields"])]
        assert [text for text in texts if not any(_squeezed(text) in one for one in shown)] == [], shown
        # What somebody typed stays in its field as it was typed.
        assert not UNSAFE.search(found["text"] + found["title"]), "a character that misleads"

    def inspect(self) -> dict[str, Any]:
        """Return title, headings, text and strange things of the page, once what it began is done."""
        found: dict[str, Any] = self.page.evaluate(INSPECT)
        found["headings"] = [_squeezed(heading) for heading in found["headings"]]
        return found

    def open(self, path: str, status: int = 200) -> None:
        """Go to a page of the site, expecting this status, and open whatever is folded in it."""
        answer = self.page.goto(self._origin + path)
        assert answer is not None
        assert answer.status == status, path
        self.unfold()

    def unfold(self) -> None:
        """Open everything that is folded."""
        self.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

    def _on_request(self, request: Request) -> None:
        is_page = request.resource_type in {"document", "fetch"}
        path = request.url.removeprefix(self._origin)
        if path == request.url or not (is_page or path.startswith("/static/")):
            self.seen.append(f"{request.resource_type} requested: {request.url}")

    def _on_dialog(self, dialog: Dialog) -> None:
        self.seen.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _on_console(self, message: ConsoleMessage) -> None:
        # A 4xx answer is our answer, not a complaint of the browser.
        is_answer = "the server responded with a status of" in message.text
        if message.type in {"error", "warning"} and not is_answer:
            self.seen.append(f"console: {message.text}")


@contextmanager
def watched(browser: Browser, origin: str) -> Iterator[Watch]:
    """Open a watched page in a fresh profile."""
    context: BrowserContext = browser.new_context(
        base_url=origin, locale="en-US", viewport={"width": 1280, "height": 900}
    )
    context.set_default_timeout(10_000)
    try:
        yield Watch(context.new_page(), origin)
    finally:
        context.close()


def _squeezed(text: str) -> str:
    return " ".join(text.split())
