"""Look: what axe, and a few rules that axe has not, have to say of a page as it stands."""

from __future__ import annotations

from typing import Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

#: WCAG 2.2 at 1280 px and 400 %.
NARROW: Final = 320
WIDE: Final = 1280
#: Once per document, before anything of it runs; a page's policy is not asked.
AXE: Final = Axe().axe_script
#: Only what is wrong comes back: what is right, as axe would tell it, is a megabyte a page.
RUN_AXE: Final = """async (options) => {
  const { violations } = await axe.run(document, options);
  const places = (nodes) => nodes.map((node) => node.target.join(" ")).join(", ");
  return violations.map(({ id, nodes }) => `${id} at ${places(nodes)}`);
}"""
ALL_RULES: Final = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
CONTRAST: Final = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
#: Language, title, heading, landmarks; the error summary of a form that came back has the focus, and what is
#: wrong with a field is said where the field is.
STRUCTURE: Final = """(language) => {
  const found = [], all = (selector) => [...document.querySelectorAll(selector)];
  const say = (fault, what) => { if (fault) found.push(what); };
  const text = (element) => (element?.innerText ?? "").trim();
  const squeezed = (words) => words.split(/\\s+/).join(" ").trim();
  const nameOf = (element) => element.getAttribute("aria-label")
    ?? text(document.getElementById(element.getAttribute("aria-labelledby")));
  say(document.documentElement.lang !== language, `lang is ${document.documentElement.lang}`);
  const headings = all("h1");
  say(headings.length !== 1, `${headings.length} h1`);
  const title = `${squeezed(headings[0]?.textContent ?? "")} · MCP Market`;
  say(document.title !== title, `title ${document.title}, h1 ${title}`);
  for (const one of ["main", "body > header"]) say(all(one).length !== 1, `${all(one).length} of ${one}`);
  const names = all("nav").map(nameOf);
  say(names.some((name) => !name), "a nav without a name");
  say(new Set(names).size !== names.length, `navs of one name: ${names}`);
  const wrong = all("main [aria-invalid=true]").filter((field) => field.checkVisibility());
  for (const field of wrong) {
    const described = (field.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean);
    const errors = described.map((id) => document.getElementById(id)).filter((one) => one?.matches(".error"));
    say(!errors.some(text), `no error is tied to ${field.name}`);
  }
  const summary = document.querySelector("main [role=alert]"), focused = document.activeElement;
  say(wrong.length && !summary, "errors without a summary");
  const isRead = focused.contains(summary) && focused !== document.body;
  say(summary && !isRead, `errors, and the focus on ${focused.outerHTML.slice(0, 80)}`);
  for (const link of summary?.querySelectorAll("a[href^='#']") ?? [])
    say(!document.getElementById(link.hash.slice(1)), `a summary leads to ${link.hash}, which is not there`);
  return found;
}"""
#: WCAG 2.5.8 without its exception for spacing; a box counts with its label, a link in a sentence does not.
SIZES: Final = """() => {
  const TARGETS = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  const found = [];
  const wider = document.documentElement.scrollWidth - innerWidth;
  if (wider > 0) found.push(`${wider} px too wide`);
  const inSentence = (element) => {
    if (getComputedStyle(element).display !== "inline") return false;
    const block = element.parentElement.closest("p, li, dd, td, th, span, div, h2");
    return block.innerText.trim().length > element.innerText.trim().length;
  };
  const boxOf = (element) => {
    const labels = ["checkbox", "radio"].includes(element.type) ? element.labels : [];
    const boxes = [element, ...labels].map((one) => one.getBoundingClientRect());
    const least = (side) => Math.min(...boxes.map((box) => box[side]));
    const most = (side) => Math.max(...boxes.map((box) => box[side]));
    return [most("right") - least("left"), most("bottom") - least("top")];
  };
  for (const element of document.querySelectorAll(TARGETS)) {
    if (!element.checkVisibility({ visibilityProperty: true }) || element.closest(".skip")) continue;
    if (getComputedStyle(element).clipPath !== "none" || inSentence(element)) continue;
    const [width, height] = boxOf(element).map((size) => Math.round(size * 10) / 10);
    if (width < 24 || height < 24) found.push(`${width}×${height}: ${element.outerHTML.slice(0, 120)}`);
  }
  return found;
}"""


def look_at(page: Page, language: str, width: int) -> list[str]:
    """Return what is wrong with a page: in both themes, at 320 and 1280 px.

    axe's whole set runs once, light and at `width`; of the dark theme only the contrasts are new.
    """
    other = WIDE if width == NARROW else NARROW
    # What has `autofocus` is given it when a frame is drawn, which a busy machine may not have done yet.
    page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    found = [f"{word} px: {what}" for word in (other, width) for what in _sizes(page, word)]
    found += page.evaluate(STRUCTURE, language)
    found += page.evaluate(RUN_AXE, ALL_RULES)
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {what}" for what in page.evaluate(RUN_AXE, CONTRAST)]
    page.emulate_media(color_scheme="light")
    return found


def _sizes(page: Page, width: int) -> list[str]:
    page.set_viewport_size({"width": width, "height": 800})
    found: list[str] = page.evaluate(SIZES)
    return found
