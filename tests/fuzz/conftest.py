"""An app that counts nothing: a fuzz is what rate limits are for, and would see nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from app import create_app
from tests import databases
from tests.fuzz.client import FuzzClient
from tests.fuzz.marks import PREFIX
from tests.fuzz.visitors import furnish

#: For what costs minutes: on one database, the one that takes less (NUL, large numbers, long texts).
on_the_stricter = pytest.mark.parametrize(
    "database_url", ["postgresql" if databases.POSTGRESQL_URL else "sqlite"], indirect=True
)


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    """Return an app without limits, with Ann, the admin Carol, and a server that nobody can reach."""
    settings = {"TESTING": True, "SQLALCHEMY_DATABASE_URI": database_url, "RATELIMIT_ENABLED": False}
    app = create_app(settings)
    app.test_client_class = FuzzClient
    furnish(app)
    yield app
    # Before it is disposed of: afterwards there is no WAL. What was saved as a token is there, sealed.
    assert PREFIX not in databases.contents(database_url)
    databases.dispose(app)


@pytest.fixture(autouse=True)
def _no_mark_in_logs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test in which something that was sent reached a log, at any level."""
    with caplog.at_level("DEBUG"):
        yield
    logged = [record.name for record in caplog.records if PREFIX in f"{record.getMessage()} {vars(record)}"]
    assert logged == []
