"""A server that takes every call and answers none: everybody else goes on as if nothing were."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import pytest

from app import create_app
from app.mcp.demo_server import build_demo_server
from tests import databases
from tests.canary import CANARY, assert_no_canary
from tests.factories import make_server, make_user
from tests.faults.impatient import TIMEOUT_SECONDS
from tests.faults.sites import SilentServer, Site, Timed, Visitor, running_site, silent_server
from tests.mcp_servers.running import running

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn does not run on Windows")

CALLS = 20
#: Half of the process's threads.
SLOTS = 4
#: A refusal at once, on a machine that has other things to do, too.
AT_ONCE_SECONDS = 1.5
PAGES = ("/settings/tokens", "/playground", "/api/mcp-servers", "/healthz")
TYPED = {"mcp_auth_token": CANARY}


@dataclass
class Scene:
    """A site with people, a server that hangs and one that works."""

    site: Site
    silent: SilentServer
    people: list[Visitor]
    #: Somebody who calls nothing.
    zoe: Visitor
    hanging: str
    working: str
    saving: str

    def open_calls(self, crowd: ThreadPoolExecutor, people: list[Visitor]) -> list[Future[Timed]]:
        """Open twenty calls to the server that hangs, in turns by these people."""
        turns = [people[number % len(people)] for number in range(CALLS)]
        return [crowd.submit(person.ask, "POST", self.hanging, TYPED) for person in turns]


@pytest.fixture(scope="module")
def scene(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Run the site once for all tests here: each must leave it as it found it."""
    folder = tmp_path_factory.mktemp("hanging")
    url = databases.copy_of(sqlite_template, folder)
    entry = "tests.faults.impatient:impatient_app()"
    names = [f"{name}@example.com" for name in ("ann", "bob", "cem", "dee", "eva", "zoe")]
    demo = build_demo_server(CANARY).streamable_http_app()
    with silent_server() as silent, running(demo) as works:
        app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": url})
        with app.app_context():
            for name in names:
                make_user(name)
            hangs_id = make_server("Hangs", url=f"http://{silent.host_port}/mcp").id
            works_id = make_server("Works", url=works.url).id
        databases.dispose(app)
        allowed = f"{silent.host_port} {works.host_port}"
        with running_site(folder, entry, url, EGRESS_ALLOW=allowed, CALL_SLOTS=str(SLOTS)) as site:
            *people, zoe = [site.sign_in(name) for name in names]
            hanging, working = (f"/api/playground/{one}/tools" for one in (hangs_id, works_id))
            found = Scene(
                site, silent, people, zoe, hanging, working, f"/api/mcp-servers/{works_id}/auth-token"
            )
            # The first call loads the libraries for it, which takes a second of everybody's time.
            assert zoe.ask("POST", working, TYPED).status == 200
            yield found
            assert site.processes_so_far() == 1
            assert_no_canary(site.log.read_text(), where="log of gunicorn")


@pytest.fixture
def crowd() -> Iterator[ThreadPoolExecutor]:
    """Threads for everybody who waits at once."""
    with ThreadPoolExecutor(CALLS) as threads:
        yield threads


def p95_seconds(visitor: Visitor) -> float:
    """Return the 95th percentile of what this person waits for pages, all of which must come."""
    answers = [visitor.ask("GET", path) for path in PAGES * 6]
    assert {answer.status for answer in answers} == {200}
    return quantiles([answer.seconds for answer in answers], n=20)[-1]


def wait_until_only(scene: Scene, count: int, calls: list[Future[Timed]]) -> None:
    """Return when so many of these calls have reached the server that hangs, and the others are answered."""
    reached = 0
    for _ in range(200):
        reached += scene.silent.take()
        left = sum(not call.done() for call in calls)
        if reached == left == count:
            return
        time.sleep(0.01)
    raise AssertionError(f"{reached} calls reached the server and {left} have no answer, not {count}")


def assert_busy_at_once(answer: Timed) -> None:
    assert (answer.status, json.loads(answer.text)["code"]) == (503, "busy")
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.seconds < AT_ONCE_SECONDS


def assert_timed_out(answer: Timed) -> None:
    assert (answer.status, json.loads(answer.text)["code"]) == (504, "upstream_timeout")
    assert int(answer.headers["retry-after"]) >= 1
    assert TIMEOUT_SECONDS <= answer.seconds < TIMEOUT_SECONDS + 3


def test_twenty_calls_that_hang_cost_nobody_else_anything_twice_in_a_row(
    scene: Scene, crowd: ThreadPoolExecutor
) -> None:
    quiet = p95_seconds(scene.zoe)

    # Twice: a slot that were never given back would be missing the second time.
    for _ in range(2):
        calls = scene.open_calls(crowd, scene.people)
        wait_until_only(scene, SLOTS, calls)
        busy = p95_seconds(scene.zoe)
        assert_busy_at_once(scene.zoe.ask("POST", scene.working, TYPED))
        # No transaction waits along with the calls: SQLite has one writer.
        saved = scene.zoe.ask("POST", scene.saving, {"token": CANARY})
        still_waiting = sum(not call.done() for call in calls)

        assert still_waiting == SLOTS
        assert (saved.status, saved.seconds < AT_ONCE_SECONDS) in {(200, True), (201, True)}
        assert busy < 5 * quiet + 0.25, f"pages took {busy:.3f} s, and {quiet:.3f} s before"

        answers = [call.result() for call in calls]
        assert Counter(answer.status for answer in answers) == {504: SLOTS, 503: CALLS - SLOTS}
        for answer in answers:
            (assert_timed_out if answer.status == 504 else assert_busy_at_once)(answer)
        # Those who were refused never got as far as the server.
        assert scene.silent.take() == 0
        assert scene.zoe.ask("POST", scene.working, TYPED).status == 200


def test_one_person_with_twenty_calls_leaves_the_last_slot_to_others(
    scene: Scene, crowd: ThreadPoolExecutor
) -> None:
    calls = scene.open_calls(crowd, scene.people[:1])
    wait_until_only(scene, SLOTS - 1, calls)

    other = scene.zoe.ask("POST", scene.working, TYPED)

    assert (other.status, other.seconds < AT_ONCE_SECONDS) == (200, True)
    scene.silent.hang_up()
    statuses = Counter(call.result().status for call in calls)
    assert statuses == {502: SLOTS - 1, 503: CALLS - SLOTS + 1}


def test_callers_who_walk_away_take_no_slot_with_them(scene: Scene, crowd: ThreadPoolExecutor) -> None:
    leaving = [
        crowd.submit(person.ask, "POST", scene.hanging, TYPED, wait_seconds=0.5)
        for person in scene.people[:SLOTS]
    ]
    wait_until_only(scene, SLOTS, leaving)
    assert [call.result().status for call in leaving] == [0] * SLOTS
    # Nobody is there to be told; the calls come to their end all the same.
    time.sleep(TIMEOUT_SECONDS + 1)

    calls = scene.open_calls(crowd, scene.people)
    wait_until_only(scene, SLOTS, calls)

    scene.silent.hang_up()
    assert Counter(call.result().status for call in calls) == {502: SLOTS, 503: CALLS - SLOTS}
