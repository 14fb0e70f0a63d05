"""Tokens that hold an escape themselves, such as signed query strings, in answers that escape them again."""

from __future__ import annotations

import html
import json
from urllib.parse import quote

import pytest

from app.mcp.redaction import REMOVED, Redactor

#: Azure gives out access of this kind: `&` between its parts, `%3D` at its end.
SIGNED = "sv=2026-01-01&ss=b&sig=Zk3v9Qm7Lw2Xr8Ty5nD4%3D"


@pytest.mark.parametrize("token", [SIGNED, 'a%20b"c<d>e%2Ff', "back\\u0041slash&more", "semi&amp;colon<x>"])
def test_a_token_with_an_escape_in_it_is_cut_out_of_what_escapes_it_again(token: str) -> None:
    go = json.dumps(token)[1:-1].replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")

    for spelling in (token, html.escape(token), json.dumps(token)[1:-1], go, quote(token, safe="")):
        assert Redactor(token).text(f"[{spelling}]") == f"[{REMOVED}]"
