"""The servers that these tests talk to, each started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.mcp_servers import bad, good
from tests.mcp_servers.running import Running, running


@pytest.fixture(scope="module")
def demo() -> Iterator[Running]:
    with running(good.demo()) as server:
        yield server


@pytest.fixture(scope="module")
def over_sse() -> Iterator[Running]:
    with running(good.over_sse(), "/sse") as server:
        yield server


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Running]:
    with running(good.without_token()) as server:
        yield server


@pytest.fixture(scope="module")
def faulty(elsewhere: Running) -> Iterator[Running]:
    with running(bad.faulty(elsewhere.url)) as server:
        yield server
