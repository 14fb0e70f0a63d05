"""Sending the playground's forms as a browser would."""

from __future__ import annotations

from typing import Any

from app.models import Server
from tests.pages import Form, Page, PageClient


def path_of(server: Server) -> str:
    return f"/playground/{server.id}"


def words(text: str) -> str:
    return " ".join(text.split())


def listing(client: PageClient, server: Server, **fields: str) -> Any:
    return client.submit(client.get_page(path_of(server)).form(path_of(server)), **fields)


def tool_form(page: Page, tool: str) -> Form:
    """Return the form that calls this tool, as a browser would send it."""
    for number, form in enumerate(page.find("form", action=f"{page_path(page)}#answer")):
        inside = [one for one in page.find("input", "select", "textarea") if form in one.parents]
        named = [one for one in inside if "name" in one.attributes]
        values = {one.attributes["name"]: page._value(one) for one in named if page._is_sent(one)}
        if values.get("tool") == tool:
            assert number
            names = {one.attributes["name"] for one in named}
            return Form(form.attributes["action"], "POST", values, names)
    raise AssertionError(f"no form calls {tool}")


def page_path(page: Page) -> str:
    actions = [form.attributes["action"] for form in page.find("form")]
    return next(action.partition("#")[0] for action in actions if action.startswith("/playground/"))
