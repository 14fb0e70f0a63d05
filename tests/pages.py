"""A test client that checks every page it fetches, and submits the forms that it found there."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.canary import assert_no_canary, readable

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
SECURITY_HEADERS = (
    "Content-Security-Policy",
    "X-Content-Type-Options",
    "Referrer-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "Permissions-Policy",
    "X-Request-ID",
)


@dataclass
class Element:
    """A start tag with its attributes, and the text inside it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    parents: tuple[Element, ...] = field(default=(), repr=False)


@dataclass
class Form:
    """A form as a browser would send it: where to, and the values it starts with."""

    action: str
    method: str
    values: dict[str, str]
    fields: set[str]


class Page(HTMLParser):
    """A parsed page: its elements in order, its whole text, its forms."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.elements: list[Element] = []
        self.text = ""
        self._open: list[Element] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, parents=tuple(self._open))
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not any(element.tag in {"script", "style"} for element in self._open):
            self.text += data
        for element in self._open:
            element.text += data

    def find(self, *tags: str, **attributes: str) -> list[Element]:
        """Return the elements with one of these tags and all of these attributes."""
        return [
            element
            for element in self.elements
            if element.tag in tags
            and all(element.attributes.get(name.rstrip("_")) == value for name, value in attributes.items())
        ]

    def form(self, action: str) -> Form:
        """Return the one POST or GET form whose action is this path, its query string left aside."""
        found = [
            form for form in self.find("form") if urlsplit(form.attributes.get("action", "")).path == action
        ]
        assert found, f"no form leads to {action}; there are {[f.attributes for f in self.find('form')]}"
        form = found[0]
        inside = [
            element
            for element in self.find("input", "select", "textarea", "button")
            if form in element.parents
        ]
        values = {
            element.attributes["name"]: self._value(element)
            for element in inside
            if "name" in element.attributes and self._is_sent(element)
        }
        names = {element.attributes["name"] for element in inside if "name" in element.attributes}
        return Form(form.attributes["action"], form.attributes.get("method", "get").upper(), values, names)

    def _value(self, element: Element) -> str:
        if element.tag == "textarea":
            # As browsers read it: line breaks are one character, and the first after the tag is none.
            return element.text.replace("\r\n", "\n").removeprefix("\n")
        if element.tag == "select":
            options = [option for option in self.find("option") if element in option.parents]
            chosen = [option for option in options if "selected" in option.attributes] or options[:1]
            return chosen[0].attributes.get("value", chosen[0].text) if chosen else ""
        return element.attributes.get("value", "on" if element.attributes.get("type") == "checkbox" else "")

    def _is_sent(self, element: Element) -> bool:
        kind = element.attributes.get("type", "")
        if element.tag == "button" or kind in {"submit", "button"}:
            return False
        return kind not in {"checkbox", "radio"} or "checked" in element.attributes


class PageClient(FlaskClient):
    """A client that holds every HTML answer to the rules of the house, and every answer to the canary."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request and check its answer."""
        response = super().open(*args, **kwargs)
        headers = "\n".join(f"{name}: {value}" for name, value in response.headers)
        assert_no_canary(headers, where=f"headers of {response.request.path}")
        for cookie in response.headers.getlist("Set-Cookie"):
            assert_no_canary(readable(cookie), where=f"cookie of {response.request.path}")
        assert_no_canary(response.get_data(as_text=True), where=f"body of {response.request.path}")
        missing = [name for name in SECURITY_HEADERS if name not in response.headers]
        assert not missing, f"{response.request.path} lacks {missing}"
        if response.mimetype == "text/html" and response.status_code not in {301, 302, 303, 308}:
            check_page(Page(response.get_data(as_text=True)))
        return response

    def get_page(self, path: str, status: int = 200) -> Page:
        """Fetch a page, expecting this status."""
        response = self.get(path)
        assert response.status_code == status, f"{path} answered {response.status}"
        return Page(response.get_data(as_text=True))

    def submit(self, form: Form, **fields: str) -> TestResponse:
        """Send a form as it was fetched, hidden fields included, with these fields filled in."""
        unknown = {name.replace("__", "-") for name in fields} - form.fields
        assert not unknown, f"the form has no field {unknown}"
        values = form.values | {name.replace("__", "-"): value for name, value in fields.items()}
        if form.method == "POST":
            return self.post(form.action, data=values)
        return self.get(form.action, query_string=values)

    def sign_in(self, email: str, password: str) -> None:
        """Sign in as a program does: one request, and the very session that the page gives."""
        answer = self.post("/api/session", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.status

    def csrf_token(self) -> str:
        """Return the token that this session's forms and programs send."""
        token: str = self.get("/api/session").get_json()["csrf_token"]
        return token


def check_page(page: Page) -> None:
    """Hold a page to the rules: one heading, complete forms, unique ids, nothing inline, nothing foreign."""
    headings = page.find("h1")
    assert len(headings) == 1, f"{len(headings)} h1 on the page"
    title, heading = (" ".join(one.text.split()) for one in (page.find("title")[0], headings[0]))
    assert title.startswith(heading), f"title {title!r}, h1 {heading!r}"
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids)), f"ids twice: {sorted({one for one in ids if ids.count(one) > 1})}"
    for form in page.find("form"):
        check_form(page, form)
    labelled = {label.attributes.get("for") for label in page.find("label")}
    for element in page.find("input", "select", "textarea"):
        check_field(element, labelled)
    for element in page.elements:
        check_element(element, set(ids))


def check_form(page: Page, form: Element) -> None:
    """A form says where it goes and how; one that changes something proves where it came from."""
    assert {"action", "method"} <= form.attributes.keys(), f"form without action or method: {form.attributes}"
    if form.attributes["method"].lower() == "post":
        inside = [one for one in page.find("input", name="csrf_token") if form in one.parents]
        assert inside and inside[0].attributes.get("value"), f"no CSRF token in {form.attributes['action']}"


def check_field(element: Element, labelled: set[str | None]) -> None:
    """A field that people see has a label; one for a secret is empty."""
    kind = element.attributes.get("type", "")
    if kind in {"hidden", "submit"}:
        return
    wrapped = any(parent.tag == "label" for parent in element.parents)
    named = "aria-label" in element.attributes or "aria-labelledby" in element.attributes
    assert wrapped or named or element.attributes.get("id") in labelled, f"no label: {element.attributes}"
    if kind == "password":
        assert not element.attributes.get("value"), f"a secret field is filled: {element.attributes['name']}"


def check_element(element: Element, ids: set[str]) -> None:
    """Nothing inline, nothing from another host, no reference to an id that is not there."""
    assert element.tag != "style", "a style element"
    assert "style" not in element.attributes, f"inline style on {element.tag}"
    inline = [name for name in element.attributes if name.startswith("on")]
    assert not inline, f"inline script on {element.tag}: {inline}"
    if element.tag == "script":
        assert "src" in element.attributes, "a script without src"
    if element.tag in {"script", "img", "link", "iframe", "source", "use"}:
        source = element.attributes.get("src") or element.attributes.get("href", "")
        assert not urlsplit(source).netloc, f"{element.tag} from {source}"
    for name in ("aria-describedby", "aria-labelledby", "aria-controls", "for"):
        missing = set(element.attributes.get(name, "").split()) - ids
        assert not missing, f"{element.tag} {name} names no id: {missing}"
