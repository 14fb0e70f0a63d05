"""Patterns: what a macro writes, filled in for row after row."""

from __future__ import annotations

from typing import Any

import pytest
from jinja2 import Environment
from markupsafe import Markup

from app.web.patterns import Pattern


def macro(source: str) -> Any:
    environment = Environment(autoescape=True)
    return environment.from_string(source).module.said  # type: ignore[attr-defined]


LINK = (
    "{% macro said(place, here, name) %}"
    '<a href="{{ here }}/x{{ place }}">{{ name }} {other} {{ name }}</a>'
    "{% endmacro %}"
)


def test_a_row_is_what_the_macro_writes() -> None:
    said = macro(LINK)
    row = {"here": "/tokens/7", "name": "a & <b>"}

    assert Pattern(said, place="?q=1&2").fill(**row) == said(place="?q=1&2", **row)


def test_html_stays_and_text_is_escaped() -> None:
    filled = Pattern(macro(LINK), place="").fill(here="'\"", name=Markup("<b>x</b>"))

    assert filled == '<a href="&#39;&#34;/x"><b>x</b> {other} <b>x</b></a>'


def test_a_value_that_looks_like_a_blank_is_no_blank() -> None:
    filled = Pattern(macro(LINK), place="").fill(here="{name}", name="{here}{place}")

    assert filled == '<a href="{name}/x">{here}{place} {other} {here}{place}</a>'


def test_rows_do_not_share_values() -> None:
    pattern = Pattern(macro(LINK), place="")

    first, second = (pattern.fill(here=here, name=here) for here in ("/1", "/2"))

    assert "/2" not in first
    assert "/1" not in second


def test_a_missing_argument_is_an_error() -> None:
    with pytest.raises(KeyError):
        Pattern(macro(LINK), place="").fill(here="/1")
