"""Files where a form has text: no page of ours uploads one, so one is refused or left aside."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.fuzz.answers import faults_of
from tests.fuzz.conftest import on_the_stricter
from tests.fuzz.hostile_bodies import MULTIPART, Body, part
from tests.fuzz.marks import new_mark
from tests.fuzz.rules import RULES
from tests.fuzz.visitors import Visitor

FIELDS = (
    *("email", "password", "current_password", "code", "token", "mcp_auth_token", "tool", "arguments"),
    *("expires_in", "expires_on", "check", "address", "required", "name", "url"),
)
FORMS = [path for path, rule in RULES.items() if "POST" in rule.methods and not path.startswith("/api/")]


def form_with_file(name: str) -> Body:
    """Return a form in which this field is a file, and all others are text."""
    texts = "".join(part(other, "never", "") for other in FIELDS if other != name)
    file = part(name, "@mark@", '; filename="@mark@"')
    return Body(f"{part('csrf_token', '@csrf@')}{texts}{file}--b--\r\n", MULTIPART)


@on_the_stricter
@pytest.mark.parametrize("path", FORMS)
def test_a_file_in_place_of_a_text_breaks_no_page_and_its_name_is_not_repeated(app: Flask, path: str) -> None:
    rule = RULES[path]
    visitor = Visitor(app, rule.meant_for)

    faults = []
    for name in FIELDS:
        mark = new_mark()
        answer = visitor.send(
            rule.path_with(), method="POST", **form_with_file(name).request(mark, visitor.csrf_token)
        )
        faults += [f"{name}: {fault}" for fault in faults_of(answer, path, mark)]

    assert faults == []
