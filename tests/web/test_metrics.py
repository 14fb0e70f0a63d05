"""`/metrics`: for whoever has the token, without a word about anybody, and whatever else is broken."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import event

from app import create_app
from app import metrics as counting
from app.extensions import db
from app.models import Server, User
from app.services import rotation
from app.services.keys import Keys, Secrets
from tests import databases
from tests.canary import CANARY
from tests.factories import ACTOR, PASSWORD, make_server, make_token, make_user
from tests.faults.outages import engine_of, outage
from tests.mcp_servers.gate import Gate
from tests.mcp_servers.running import running
from tests.pages import PageClient
from tests.readings import Reading, read
from tests.web.api.conftest import Program
from tests.web.test_https_only import production

TOKEN = secrets.token_urlsafe(32)
BEARER = {"Authorization": f"Bearer {TOKEN}"}
#: All that is ever told: name → its labels. Another one is a decision about what leaves the house.
LABELS = {
    "mcp_market_http_requests_total": {"route", "method", "status"},
    "mcp_market_http_request_seconds_bucket": {"route", "le"},
    "mcp_market_http_request_seconds_count": {"route"},
    "mcp_market_http_request_seconds_sum": {"route"},
    "mcp_market_checks_total": {"result"},
    "mcp_market_calls_total": {"purpose", "outcome"},
    "mcp_market_failed_sign_ins_total": {"reason"},
    "mcp_market_database_connections_in_use": set(),
    "mcp_market_database_connections_allowed": set(),
    "mcp_market_database_up": set(),
    "mcp_market_tokens": {"status"},
    "mcp_market_token_rows": {"key"},
    "mcp_market_key_loaded": set(),
    "mcp_market_rotation_unfinished": set(),
    "mcp_market_rotation_ended_timestamp_seconds": set(),
    "mcp_market_audit_verified_timestamp_seconds": set(),
}


def made(database_url: str, **settings: object) -> Flask:
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": database_url, **settings})
    app.test_client_class = PageClient
    return app


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    app = made(database_url, METRICS_TOKEN=TOKEN)
    yield app
    databases.dispose(app)


def reading_of(app: Flask) -> Reading:
    """Return what is told now, not what was told some seconds ago."""
    app.extensions["reading"]._good_until = 0.0
    answer = app.test_client().get("/metrics", headers=BEARER)
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    return read(answer.text)


def test_without_the_setting_there_is_no_such_page(database_url: str) -> None:
    app = made(database_url)

    answers = [app.test_client().get("/metrics", headers=headers) for headers in ({}, BEARER)]

    databases.dispose(app)
    assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer \xff\xfe"},
        {"Cookie": f"session={TOKEN}"},
    ],
    # Without the token, which is another one in each process of the suite.
    ids=["none", "no word", "empty", "too short", "too long", "basic", "bare", "no ASCII", "cookie"],
)
def test_nobody_reads_it_without_the_token(client: PageClient, headers: dict[str, str]) -> None:
    answer = client.get("/metrics", headers=headers)

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "mcp_market" not in answer.text


def test_an_admin_who_is_signed_in_is_nobody_here(app: Flask, client: PageClient) -> None:
    with app.app_context():
        make_user(admin=True)
    client.sign_in("ann@example.com", PASSWORD)

    assert client.get("/metrics").status_code == 401
    assert client.get(f"/metrics?token={TOKEN}").status_code == 400


def test_reading_it_makes_no_session_and_writes_nothing(app: Flask, client: PageClient) -> None:
    statements: list[str] = []
    event.listen(engine_of(app), "before_cursor_execute", lambda *given: statements.append(given[2]))

    # Of a new installation: neither salt nor key nor the ledger's subkey is there, and none is made.
    answer = client.get("/metrics", headers=BEARER)

    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert statements
    assert [text for text in statements if not text.lstrip().upper().startswith("SELECT")] == []


def test_it_asks_the_database_once_in_a_while(app: Flask, client: PageClient) -> None:
    client.get("/metrics", headers=BEARER)
    statements: list[str] = []
    event.listen(engine_of(app), "before_cursor_execute", lambda *given: statements.append(given[2]))

    texts = [client.get("/metrics", headers=BEARER).text for _ in range(20)]

    assert statements == []
    assert all("mcp_market_tokens" in text for text in texts)


def test_requests_are_counted_by_the_rule_that_matched(app: Flask, client: PageClient) -> None:
    before = reading_of(app)

    for number in range(1, 6):
        client.get(f"/settings/tokens/{number}")
    client.get("/login")
    after = reading_of(app)

    rule = "/settings/tokens/<int:server_id>"
    of_rule = {"route": rule, "method": "GET", "status": "303"}
    assert after.of("http_requests_total", **of_rule) - before.of("http_requests_total", **of_rule) == 5
    counts = [one.of("http_request_seconds_count", route=rule) for one in (before, after)]
    assert counts[1] - counts[0] == 5
    assert after.of("http_request_seconds_sum", route=rule) > 0
    page = {"route": "/login", "method": "GET", "status": "200"}
    assert after.of("http_requests_total", **page) - before.of("http_requests_total", **page) == 1


def test_what_strangers_make_up_makes_no_new_series(app: Flask, client: PageClient) -> None:
    def hostile(mark: str) -> None:
        for method in ("GET", "BREW", f"X-{mark}", "PROPFIND"):
            for path in (f"/{mark}", f"/static/{mark}.css", f"/login/{mark}", f"/api/{mark}"):
                client.open(path, method=method)
        client.post("/login", data={"email": f"{mark}@example.com", "password": mark})
        client.get("/login", headers={"Host": f"{mark}.example.com", "User-Agent": mark})
        client.post("/api/session", json={"email": f"{mark}@example.com", "password": mark})
        client.get(f"/reset-password/{mark}")

    # Until every answer that this gets was given once, the refusals of the impatient among them.
    for _ in range(40):
        hostile(secrets.token_hex(8))
    # A reading is counted as well, and nobody may have read in this process yet.
    reading_of(app)
    before = reading_of(app)
    for _ in range(30):
        hostile(secrets.token_hex(8))
    after = reading_of(app)

    assert after.keys() == before.keys()
    assert after.of("http_requests_total", route="none", method="other", status="404") >= 30
    held_up = [one.of("failed_sign_ins_total", reason="held_up") for one in (before, after)]
    assert held_up[0] < held_up[1]


def test_a_busy_day_is_told_in_words_of_ours(app: Flask, runner: FlaskCliRunner) -> None:
    gate = Gate(CANARY)
    with running(gate.asgi()) as remote:
        app.extensions["egress"] = remote.egress
        with app.app_context():
            make_user("ann@example.com")
            server_id = make_server("Zanzibar", url=remote.url).id
        ann = Program(app)
        ann.sign_in("ann@example.com", PASSWORD)
        before = reading_of(app)
        path = f"/api/mcp-servers/{server_id}/auth-token"

        ann.post(path, {"token": CANARY, "check": True})
        ann.post(f"{path}/check")
        ann.post(f"/api/playground/{server_id}/tools")
        ann.post(f"/api/playground/{server_id}/call", {"tool": "nothing-like-it"})
        ann.sign_in("ann@example.com", "wrong horse battery")
        gate.accepted = set()
        ann.post(f"/api/playground/{server_id}/tools")
        assert runner.invoke(args=["audit", "verify"]).exit_code == 0
        assert runner.invoke(args=["tokens", "rotate"]).exit_code == 0
        after = reading_of(app)

    def more(name: str, **labels: str) -> float:
        return after.of(name, **labels) - before.of(name, **labels)

    assert more("checks_total", result="accepted") == 2
    assert more("calls_total", purpose="list_tools", outcome="ok") == 1
    assert more("calls_total", purpose="list_tools", outcome="rejected") == 1
    assert more("failed_sign_ins_total", reason="password") == 1
    assert after.of("tokens", status="rejected") == 1
    assert after.of("audit_verified_timestamp_seconds") > 1_700_000_000
    assert after.of("rotation_ended_timestamp_seconds") > 1_700_000_000
    assert after.of("rotation_unfinished") == 0
    assert 0 == after.of("database_connections_in_use") < after.of("database_connections_allowed")
    assert_words_of_ours(app, after)


def assert_words_of_ours(app: Flask, reading: Reading) -> None:
    """Hold every series to the names, labels and values that there may be."""
    assert {name: {label for label, _ in labels} for name, labels in reading} == LABELS
    assert reading.values_of("route") <= {rule.rule for rule in app.url_map.iter_rules()} | {"none"}
    assert reading.values_of("method") <= counting.METHODS | {"other"}
    assert all(100 <= int(status) <= 599 for status in reading.values_of("status") if status.isdigit())
    words = ("result", "purpose", "outcome", "reason", "key")
    assert {value for label in words for value in reading.values_of(label)} <= {
        *("accepted", "rejected", "not_proven", "unreachable", "ok", "error", "failed", "list_tools"),
        *("call_tool", "password", "held_up", "confirmation", "code", "current", "old", "not_loaded"),
        *("given_up", "upstream_error", "upstream_timeout", "upstream_refused"),
    }


def test_tokens_are_counted_by_status_and_by_the_fate_of_their_key(database_url: str) -> None:
    old, new = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    first = made(database_url, METRICS_TOKEN=TOKEN, TOKEN_ENCRYPTION_SECRET=old)
    second = made(
        database_url,
        METRICS_TOKEN=TOKEN,
        TOKEN_ENCRYPTION_SECRET=new,
        TOKEN_ENCRYPTION_PREVIOUS_SECRETS=(old,),
    )
    with first.app_context():
        ann = make_user()
        servers = [make_server(f"Server {number}") for number in range(4)]
        for server in servers[:3]:
            make_token(ann, server)
        make_token(ann, servers[3], last_check_result="accepted")
        db.session.execute(
            db.update(Server).where(Server.id == servers[0].id).values(url="https://new.example.com")
        )
        db.session.commit()

    before, switched = reading_of(first), reading_of(second)
    with second.app_context():
        rotation.rotate_tokens(Keys(Secrets(new, (old,))), ACTOR)
    rotated, left_behind = reading_of(second), reading_of(first)

    for app in (first, second):
        databases.dispose(app)
    for reading in (before, switched, rotated, left_behind):
        words = ("saved", "accepted", "on_hold", "expired")
        found = {word: reading.of("tokens", status=word) for word in words}
        assert found == {"saved": 2, "accepted": 1, "on_hold": 1, "expired": 0}
    assert rows_of(before) == {"current": 4}
    assert rows_of(switched) == {"old": 4}
    assert rows_of(rotated) == {"current": 4}
    # A node that was forgotten.
    assert rows_of(left_behind) == {"not_loaded": 4}


def rows_of(reading: Reading) -> dict[str, float]:
    fates = ("current", "old", "not_loaded", "given_up")
    return {fate: rows for fate in fates if (rows := reading.of("token_rows", key=fate))}


def test_a_secret_that_opens_nothing_is_told_and_breaks_nothing(database_url: str, app: Flask) -> None:
    with app.app_context():
        make_token(make_user(), make_server())
    wrong = made(database_url, METRICS_TOKEN=TOKEN)

    reading = reading_of(wrong)

    databases.dispose(wrong)
    assert (reading.of("database_up"), reading.of("key_loaded")) == (1, 0)
    assert rows_of(reading) == {"not_loaded": 1}
    assert reading_of(app).of("key_loaded") == 1


@pytest.mark.parametrize("kind", ["gone", "locked", "read_only"])
def test_with_the_database_out_it_tells_what_the_processes_counted(
    app: Flask, client: PageClient, kind: str
) -> None:
    with app.app_context():
        make_user()
    client.get("/login")

    with outage(kind, app):
        reading = reading_of(app)
    afterwards = reading_of(app)

    assert reading.of("http_requests_total", route="/login", method="GET", status="200") >= 1
    if kind == "gone":
        assert reading.of("database_up") == 0
        assert "mcp_market_tokens" not in reading.names()
    assert afterwards.of("database_up") == 1


def test_a_rotation_that_did_not_end_shows(app: Flask) -> None:
    with app.app_context():
        from app.services.audit import Action, record

        record(Action.ROTATION_STARTED, ACTOR)
        db.session.commit()

    assert reading_of(app).of("rotation_unfinished") == 1


def test_what_cannot_be_counted_breaks_no_request(
    app: Flask, client: PageClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def labels(self, *_: str) -> Broken:
            raise OSError("no space left")

        def set(self, _value: float) -> None:
            raise OSError("no space left")

    client.get("/login")
    assert counting._process.instruments is not None
    monkeypatch.setattr(counting._process, "has_failed", False)
    for name in ("requests", "checks", "calls", "failed_sign_ins", "connections_in_use"):
        monkeypatch.setattr(counting._process.instruments, name, Broken())

    statuses = [client.get("/login").status_code for _ in range(3)]
    refused = client.post("/api/session", json={"email": "x@example.com", "password": "wrong"})
    counting.count_check("accepted")
    counting.count_call("list_tools", "ok")

    assert statuses == [200, 200, 200]
    assert refused.status_code == 401
    told = [record for record in caplog.records if "could not be counted" in record.getMessage()]
    assert len(told) == 1
    assert "no space" not in told[0].getMessage()


def test_a_folder_that_cannot_be_used_costs_the_metrics_and_nothing_else(
    app: Flask, client: PageClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_folder() -> None:
        raise FileNotFoundError("/somewhere")

    monkeypatch.setattr(counting, "_process", counting._Process())
    monkeypatch.setattr(counting, "Instruments", no_folder)

    statuses = [client.get(path).status_code for path in ("/login", "/healthz", "/login")]
    answer = client.get("/metrics", headers=BEARER)

    assert statuses == [200, 200, 200]
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    told = [record for record in caplog.records if "Metrics are off" in record.getMessage()]
    assert [record.__dict__["setting"] for record in told] == ["PROMETHEUS_MULTIPROC_DIR"]


def test_the_token_is_in_no_log_and_no_answer(
    app: Flask, client: PageClient, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [client.get("/metrics", headers=headers) for headers in (BEARER, {"Authorization": TOKEN})]
    with app.app_context():
        names = [user.email for user in db.session.scalars(db.select(User))]

    assert names == []
    assert [answer.status_code for answer in answers] == [200, 401]
    assert not [answer for answer in answers if TOKEN in f"{answer.headers}{answer.text}"]
    assert not [record for record in caplog.records if TOKEN in f"{record.getMessage()}{record.__dict__}"]


def test_in_production_plain_http_is_for_this_machine_alone(database_url: str, tmp_path: Path) -> None:
    app = production(database_url, tmp_path, METRICS_TOKEN=TOKEN, TRUSTED_PROXIES=1)
    client = app.test_client()

    here = client.get("/metrics", headers=BEARER)
    there = client.get("/metrics", headers={**BEARER, "X-Forwarded-For": "192.0.2.7"})
    over_tls = client.get(
        "/metrics", headers={**BEARER, "X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
    )

    databases.dispose(app)
    assert [answer.status_code for answer in (here, there, over_tls)] == [200, 308, 200]
    assert "mcp_market" not in there.text
