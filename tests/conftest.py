"""The three fixtures of Flask's tutorial, on both databases: `app`, `client`, `runner`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import CodeType

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskCliRunner
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule

from app import create_app
from app.crypto import keyring, passwords
from tests import databases
from tests.canary import assert_no_canary
from tests.pages import PageClient


class _Templates(BytecodeCache):
    """Compiled templates, kept for all apps of this process: a thousand tests would compile them anew."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self.known[bucket.key, bucket.checksum] = bucket.code


def _build_when_needed(rule: Rule, append_unknown: bool = True) -> Callable[..., object]:
    """Return what builds a route's URL, compiled on its first use: each test's app has a hundred routes."""
    compiled: list[Callable[..., object]] = []

    def build(itself: Rule, *args: object, **options: object) -> object:
        if not compiled:
            compiled.append(_COMPILE_BUILDER(rule, append_unknown))
        return compiled[0](itself, *args, **options)

    return build


_COMPILE_BUILDER = Rule._compile_builder
Rule._compile_builder = _build_when_needed  # type: ignore[method-assign, assignment]
Flask.jinja_options = Flask.jinja_options | {"bytecode_cache": _Templates()}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once, not once a test, why something was skipped."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    for reason, count in reasons.items():
        terminalreporter.write_line(f"Skipped {count}: {reason}")


@pytest.fixture(scope="session", autouse=True)
def _quick_derivations() -> None:
    """Hash and derive at a cost that a thousand tests can pay; `tests/unit/crypto` looks at the real one."""
    passwords._HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # type: ignore[misc]
    keyring.ITERATIONS = keyring.MIN_ITERATIONS  # type: ignore[misc]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the migrated file that each SQLite test copies."""
    return databases.sqlite_template(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str | None]:
    """Return this process's own migrated PostgreSQL database; None without TEST_DATABASE_URL."""
    with ExitStack() as stack:
        url = None
        if databases.POSTGRESQL_URL:
            url = stack.enter_context(databases.postgresql_database())
            databases.migrate(url)
        yield url


@pytest.fixture(params=databases.ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a migrated, empty database; each test runs once on each engine."""
    if request.param == "sqlite":
        return databases.copy_of(request.getfixturevalue("sqlite_template"), tmp_path)
    url: str | None = request.getfixturevalue("postgresql_url")
    if url is None:
        databases.skip_or_fail("TEST_DATABASE_URL names no PostgreSQL server")
    assert url is not None
    databases.empty(url)
    return url


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    """Return an app on a fresh database. No context is held open: a request must bring its own."""
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": database_url})
    app.test_client_class = PageClient
    yield app
    # Before it is disposed of: afterwards there is no WAL.
    assert_no_canary(databases.contents(database_url), where="database or its WAL")
    databases.dispose(app)


@pytest.fixture
def client(app: Flask) -> PageClient:
    """Return a client that checks every page it fetches."""
    client = app.test_client()
    assert isinstance(client, PageClient)
    return client


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    """Return a runner of `flask …` commands."""
    return app.test_cli_runner()


@pytest.fixture(autouse=True)
def _no_canary_in_logs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test in which the canary token reached a log, at any level."""
    with caplog.at_level("DEBUG"):
        yield
    for record in caplog.records:
        assert_no_canary(f"{record.getMessage()} {record.__dict__}", where=f"log of {record.name}")
