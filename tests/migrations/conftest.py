"""A database that no migration has touched, on each engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from tests import databases


@pytest.fixture(params=databases.ENGINES)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            yield f"sqlite:///{tmp_path / 'empty.db'}"
        elif databases.POSTGRESQL_URL:
            yield stack.enter_context(databases.postgresql_database())
        else:
            databases.skip_or_fail("TEST_DATABASE_URL names no PostgreSQL server")


@pytest.fixture
def bare_app(empty_url: str) -> Iterator[Flask]:
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": empty_url})
    yield app
    databases.dispose(app)
