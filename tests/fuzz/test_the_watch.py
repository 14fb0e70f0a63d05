"""The watch over answers notices what it is there for: each known-bad answer has its fault."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder, TestResponse

from tests.fuzz.answers import faults_of
from tests.fuzz.marks import new_mark
from tests.fuzz.rules import RULES

MARK = new_mark()
PROBLEM = "application/problem+json"


def answer(
    status: str, headers: dict[str, str] | None = None, body: str = "", **options: Any
) -> TestResponse:
    """Return an answer as a test client gives it."""
    request = EnvironBuilder(**options).get_request()
    given = list(({"Content-Type": "text/html"} | (headers or {})).items())
    return TestResponse(iter([body.encode()]), status, given, request)


@pytest.mark.parametrize(
    ("bad", "rule", "fault"),
    [
        (answer("500 X"), "/login", "status 500"),
        (answer("503 X"), "/playground", "status 503"),
        (answer("502 X"), "/login", "status 502"),
        (answer("200 X", body=f"<p>{MARK[:12]}</p>"), "/login", "an echo"),
        (answer("200 X", {"X-Request-ID": f"a{MARK[-8:]}"}), "/login", "an echo"),
        (
            answer("200 X", {"Set-Cookie": f"s={base64.urlsafe_b64encode(MARK.encode()).decode()}.x"}),
            "/",
            "an echo",
        ),
        (answer("303 X", {"Location": "//evil.example/"}), "/login", "a redirect to elsewhere"),
        (answer("303 X", {"Location": "javascript:alert(1)"}), "/login", "a redirect to elsewhere"),
        (answer("404 X"), "/api/session", "no problem document"),
        (answer("404 X", {"Content-Type": PROBLEM}, "{}"), "/api/session", "no problem document"),
        (answer("404 X", {"Content-Type": PROBLEM}), "/api/session", "no problem document"),
        (answer("405 X"), "/login", "405 without Allow"),
        (answer("429 X"), "/login", "429 while nothing is counted"),
    ],
)
def test_a_bad_answer_is_noticed(bad: TestResponse, rule: str, fault: str) -> None:
    assert faults_of(bad, rule, MARK) == [fault]


@pytest.mark.parametrize(
    ("good", "rule"),
    [
        (answer("200 X", body=f"...{MARK[-4:]}"), "/settings/tokens"),
        (answer("303 X", {"Location": "/login?next=%2F"}), "/settings/tokens"),
        (answer("502 X"), "/playground/<int:server_id>"),
        (answer("404 X", {"Content-Type": PROBLEM}, method="HEAD"), "/api/session"),
    ],
)
def test_a_good_answer_has_no_fault(good: TestResponse, rule: str) -> None:
    assert faults_of(good, rule, MARK) == []


def test_every_kind_of_route_is_tried() -> None:
    meant_for = {rule.meant_for for rule in RULES.values()}

    assert meant_for == {"anonymous", "user", "admin"}
    assert RULES["/settings/tokens/<int:server_id>"].changes == ["POST"]
    assert RULES["/api/session"].methods >= {"GET", "POST", "DELETE"}
