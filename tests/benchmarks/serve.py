"""Workers and threads: `python -m tests.benchmarks.serve` measures what docs/deployment.md advises.

Every configuration serves the same database, all of them are up at once, and they are asked in turn, round by
round, so that whatever else the machine does meanwhile happens to each of them. Only ratios mean anything.
On PostgreSQL where TEST_DATABASE_URL names one, else on SQLite.
"""

from __future__ import annotations

import argparse
import http.client
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from app import create_app
from app.services.keys import Keys, Secrets
from tests import databases
from tests.endurance.nodes import Node, Visitor, running_nodes
from tests.factories import make_server, make_token, make_user
from tests.faults.sites import PROXIED, SilentServer, silent_server

SERVERS = 50
#: Who looks at the page, and who waits for a server: one person never gets all slots.
READER, CALLERS = "ann", ("ben", "dora")
#: After which a call is over, whatever the server does.
CALL_SECONDS = 35.0
PAGE, JSON = "/settings/tokens", "/api/mcp-servers?limit=50"


class Configuration(NamedTuple):
    """What gunicorn is told, and how many of a process's threads may wait for remote servers."""

    workers: int
    threads: int
    slots: int

    @property
    def name(self) -> str:
        """Return it as the table shows it."""
        return f"{self.workers} × {self.threads}, {self.slots} slots"

    @property
    def options(self) -> tuple[str, ...]:
        """Return gunicorn's words."""
        return ("-w", str(self.workers), "--threads", str(self.threads))


class Figures(NamedTuple):
    """Pages and documents a second; milliseconds of the page at full load, and beside calls that hang."""

    pages: float
    documents: float
    busy: float
    beside_calls: float


CONFIGURATIONS = (
    Configuration(1, 1, 1),
    Configuration(1, 8, 4),
    Configuration(2, 4, 2),
    Configuration(2, 8, 4),
    Configuration(2, 8, 8),
    Configuration(2, 16, 8),
    Configuration(4, 8, 4),
)


def main() -> None:
    """Measure and print."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--seconds", type=float, default=2.0, help="for each figure of a round")
    words.add_argument("--clients", type=int, default=16)
    given = words.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        silent = stack.enter_context(silent_server())
        url = stack.enter_context(database(folder))
        sites = stack.enter_context(serving(folder, url, silent))
        rounds = [
            [
                measure(site, configuration, silent, given)
                for site, configuration in zip(sites, CONFIGURATIONS, strict=True)
            ]
            for _ in range(given.rounds)
        ]
    tell(rounds)


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """Make a database of this run's own."""
    if databases.POSTGRESQL_URL:
        with databases.postgresql_database() as url:
            databases.migrate(url)
            yield url
    else:
        yield databases.copy_of(databases.sqlite_template(folder), folder)


@contextmanager
def serving(folder: Path, url: str, silent: SilentServer) -> Iterator[list[Served]]:
    """Fill the database and run a node for each configuration."""
    secret = secrets.token_urlsafe(32)
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": url})
    app.extensions["keys"] = Keys(Secrets(secret))
    with app.app_context():
        reader, *callers = (make_user(f"{name}@example.com") for name in (READER, *CALLERS))
        hanging = make_server("Silent", url=f"http://{silent.host_port}/mcp")
        for caller in callers:
            make_token(caller, hanging)
        for number in range(SERVERS - 1):
            make_token(reader, make_server(f"Server {number}"))
    databases.dispose(app)

    def prepare(number: int, node: Node) -> None:
        node.options = CONFIGURATIONS[number].options
        node.settings["CALL_SLOTS"] = str(CONFIGURATIONS[number].slots)

    settings = {"TOKEN_ENCRYPTION_SECRET": secret, "EGRESS_ALLOW": silent.host_port}
    with running_nodes(folder, len(CONFIGURATIONS), url, "", prepare, **settings) as nodes:
        people = {name: signed_in(name, nodes[0]) for name in (READER, *CALLERS)}
        yield [Served(node, people) for node in nodes]


def signed_in(name: str, node: Node) -> dict[str, str]:
    """Return the headers of who has signed in, at all of them."""
    visitor = Visitor([node])
    visitor.sign_in(f"{name}@example.com", node)
    visitor.close()
    return PROXIED | visitor.headers


class Served:
    """One configuration that is up."""

    def __init__(self, node: Node, people: dict[str, dict[str, str]]) -> None:
        self._node = node
        self._people = people

    def ask(self, path: str, name: str = READER, method: str = "GET", wait_seconds: float = 5.0) -> int:
        """Return the status; 0 when there was none in time. A connection each, as from a proxy."""
        connection = http.client.HTTPConnection("127.0.0.1", self._node.port, timeout=wait_seconds)
        try:
            connection.request(method, path, headers=self._people[name])
            answer = connection.getresponse()
            answer.read()
        except OSError:
            return 0
        finally:
            connection.close()
        return answer.status

    def times(self, path: str, clients: int, seconds: float) -> list[float]:
        """Ask as often as so many clients can, and return how long each answer took."""
        ends = time.monotonic() + seconds

        def client() -> list[float]:
            times = []
            while (started := time.monotonic()) < ends:
                self.ask(path)
                times.append(time.monotonic() - started)
            return times

        with ThreadPoolExecutor(clients) as pool:
            waiting = [pool.submit(client) for _ in range(clients)]
            return [time_ for one in waiting for time_ in one.result()]

    @contextmanager
    def hanging_calls(self, silent: SilentServer, count: int) -> Iterator[None]:
        """Have people wait for a server that says nothing, in each slot that there is."""
        with ThreadPoolExecutor(count) as pool:
            calls = [
                pool.submit(
                    self.ask, "/api/playground/1/tools", CALLERS[number % len(CALLERS)], "POST", CALL_SECONDS
                )
                for number in range(count)
            ]
            time.sleep(0.5)
            try:
                yield
            finally:
                # Whoever was hung up on comes again, by an older protocol.
                while not all(call.done() for call in calls):
                    silent.hang_up()
                    time.sleep(0.05)


def measure(served: Served, configuration: Configuration, silent: SilentServer, given: Any) -> Figures:
    """Return one round's figures of one configuration."""
    page = served.times(PAGE, given.clients, given.seconds)
    document = served.times(JSON, given.clients, given.seconds)
    calls = 2 * configuration.workers * configuration.slots
    with served.hanging_calls(silent, calls):
        beside = served.times(PAGE, 2, given.seconds)
    return Figures(
        len(page) / given.seconds, len(document) / given.seconds, percentile_95(page), percentile_95(beside)
    )


def percentile_95(times: list[float]) -> float:
    """Return milliseconds."""
    return sorted(times)[int(len(times) * 0.95)] * 1000


def tell(rounds: list[list[Figures]]) -> None:
    """Print medians over the rounds, rates as ratios to the first configuration."""
    medians = [
        Figures(*(statistics.median(values) for values in zip(*of_one, strict=True)))
        for of_one in zip(*rounds, strict=True)
    ]
    first = medians[0]
    lines = [f"{'workers × threads':<24}{'page':>8}{'JSON':>8}{'p95 busy':>11}{'p95 while calls hang':>23}"]
    for configuration, one in zip(CONFIGURATIONS, medians, strict=True):
        page, document = one.pages / first.pages, one.documents / first.documents
        busy, hanging = f"{one.busy:.0f} ms", f"{one.beside_calls:.0f} ms"
        lines.append(f"{configuration.name:<24}{page:>7.2f}×{document:>7.2f}×{busy:>11}{hanging:>23}")
    lines.append(f"1.00× is {first.pages:.0f} pages and {first.documents:.0f} documents a second here.")
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    sys.exit(main())
