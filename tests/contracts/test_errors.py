"""Every domain error becomes an HTTP answer, and says nothing that a person typed."""

from __future__ import annotations

import inspect

from app import errors
from app.web.problems import STATUSES

#: Contract: no other 5xx.
STATUSES_ALLOWED = {400, 401, 404, 409, 413, 415, 422, 429, 502, 503, 504}


def error_classes() -> list[type[errors.MarketError]]:
    return [
        member
        for _, member in inspect.getmembers(errors, inspect.isclass)
        if issubclass(member, errors.MarketError) and member is not errors.MarketError
    ]


def test_every_domain_error_has_a_status() -> None:
    assert {error for error in error_classes() if error not in STATUSES} == set()
    assert set(STATUSES.values()) <= STATUSES_ALLOWED


def test_every_domain_error_has_a_code_of_its_own_and_ends_in_error() -> None:
    codes = [error.code for error in error_classes()]

    assert len(set(codes)) == len(codes)
    assert [error.__name__ for error in error_classes() if not error.__name__.endswith("Error")] == []
