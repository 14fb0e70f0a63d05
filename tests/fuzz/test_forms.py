"""Every form that a page has, with hostile texts in each field, and what is right in the others."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.models import User
from tests.factories import PASSWORD
from tests.fuzz.answers import faults_of
from tests.fuzz.conftest import on_the_stricter
from tests.fuzz.marks import new_mark
from tests.fuzz.rules import RULES, Rule
from tests.fuzz.visitors import Visitor
from tests.pages import Form, Page

TEXTS = (
    *(
        "",
        " ",
        "\x00",
        "a\x00b",
        "\u202ea\u2066",
        "\U000e0041\ufeff",
        "\U0010ffff",
        "e\u0301" * 200,
        "ﷺ" * 300,
    ),
    *("9999-12-31", "0001-01-01", "0000-00-00", "2026-02-30", "+2026-01-01", "２０２６-01-01", "2026-W01-1"),
    *("-1", "7.0", "1e999", "9" * 5000, "０", "NaN", "true", "null", "[]", "{", '{"a": 1e999}', "[" * 5000),
    *("x" * 20_000, "<script>", "'; --", "\r\nX-Header: a", "{{7*7}}", "%s%n", "../../etc/passwd", "${a}"),
    *("a@b", "a@b.example", "ä@b.example", "a@[::1]", "a@xn--0", f"{'a' * 64}@b.example", "а@b.example"),
    *("A@B.EXAMPLE\n", "ann@EXAMPLE.com", '"a b"@b.example', "a@b@c", f"a@{'b.' * 120}example", "@", "a@."),
)
#: What the other fields hold, so that a view gets as far as it can.
RIGHT = {
    "password": PASSWORD,
    "current_password": PASSWORD,
    "expires_in": "custom",
    "expires_on": "2999-01-01",
}
PAGES = [
    rule for rule in RULES.values() if {"GET", "POST"} <= rule.methods and not rule.path.startswith("/api/")
]


def form_on(visitor: Visitor, rule: Rule) -> Form:
    """Return the form that a page posts to itself; one without fields where there is nothing to send yet."""
    path = visitor.path_of(rule)
    page = Page(visitor.client.get(path).get_data(as_text=True))
    actions = [urlsplit(form.attributes["action"]).path for form in page.find("form")]
    return page.form(path) if path in actions else Form(path, "POST", {}, set())


def set_right(app: Flask) -> None:
    """Give everyone back what a form has changed: the address and the password one signs in with."""
    with app.app_context():
        known = app.extensions.setdefault("people before", {})
        for user in db.session.scalars(select(User)):
            user.email, user.password_hash = known.setdefault(user.id, (user.email, user.password_hash))
        db.session.commit()


@on_the_stricter
@pytest.mark.parametrize("rule", PAGES, ids=lambda rule: rule.path)
def test_no_text_in_a_field_breaks_a_page(app: Flask, rule: Rule) -> None:
    set_right(app)
    visitor, faults = Visitor(app, rule.meant_for), []
    form = form_on(visitor, rule)

    for name in form.fields - {"csrf_token"}:
        for text in TEXTS:
            mark = new_mark()
            values = form.values | {field: RIGHT[field] for field in RIGHT.keys() & form.fields}
            values |= {"csrf_token": visitor.csrf_token, name: text, "x-unknown": mark}
            answer = visitor.client.post(visitor.path_of(rule), data=values)
            faults += [f"{name}={text[:20]!r}: {fault}" for fault in faults_of(answer, rule.path, mark)]
            if answer.status_code < 400:
                set_right(app)
                visitor.begin()

    assert faults == []


def test_most_pages_with_a_form_are_found_with_one(app: Flask) -> None:
    found = {rule.path: form_on(Visitor(app, rule.meant_for), rule).fields for rule in PAGES}

    assert found["/login"] == {"csrf_token", "email", "password"}
    assert [path for path, fields in found.items() if not fields] == [
        "/admin/tokens/<int:user_id>/<int:server_id>/delete",
        "/settings/tokens/<int:server_id>/delete",
        "/settings/tokens/<int:server_id>/confirm-address",
        "/settings/tokens/delete-all",
    ]
