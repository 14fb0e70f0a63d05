"""Codes are secrets: one that was wrong, or came too late, does not stand in the page that says so."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.fuzz.answers import faults_of
from tests.fuzz.marks import new_mark
from tests.fuzz.visitors import Visitor


@pytest.mark.parametrize(("path", "name"), [("/login/code", "anonymous"), ("/settings/account/totp", "user")])
def test_a_code_that_was_refused_is_not_repeated(app: Flask, path: str, name: str) -> None:
    visitor = Visitor(app, name)

    for shape in ("@mark@", " @mark@ ", "@mark@\x00", "@mark@\u202e", "@mark@" * 30):
        mark = new_mark()
        form = {"csrf_token": visitor.csrf_token, "code": shape.replace("@mark@", mark)}
        answer = visitor.send(path, method="POST", data=form)
        assert answer.status_code == 422
        assert faults_of(answer, path, mark) == []
