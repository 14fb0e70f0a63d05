"""Limits: so much a minute for one person and for one address, in memory and in Redis."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from app import clock, create_app
from app.web import limits
from app.web.limits import CHANGES, LIMITS, Limit
from app.web.urls import SAFE_METHODS
from tests import databases
from tests.canary import CANARY
from tests.factories import PASSWORD, make_server, make_user
from tests.pages import Page, PageClient
from tests.web.api.conftest import Program, assert_problem

EMAIL = "ann@example.com"
#: The limits of these tests: as in `app.web.limits`, with smaller numbers.
SMALL = {
    "sign-in": Limit("sign-in", "20 per minute"),
    "sign-up": Limit("sign-up", "10 per hour"),
    "save": Limit("save", "60 per minute", "12 per minute"),
    "call": Limit("call", "60 per minute", "12 per minute"),
}


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    smaller = {endpoint: SMALL.get(limit.scope, limit) for endpoint, limit in LIMITS.items()}
    monkeypatch.setattr(limits, "LIMITS", smaller)


def make_people(app: Flask, *names: str) -> int:
    with app.app_context():
        for name in names:
            make_user(f"{name}@example.com")
        # Nothing is contacted: this address may not be reached.
        return make_server(url="https://127.0.0.1:9/mcp").id


def signed_in(app: Flask, name: str = "ann") -> Program:
    program = Program(app)
    assert program.sign_in(f"{name}@example.com", PASSWORD).status_code == 200
    return program


def test_every_limit_is_on_a_route_and_every_route_that_costs_has_one(app: Flask) -> None:
    assert LIMITS.keys() <= app.view_functions.keys()
    for endpoint in ("auth.sign_in", "auth.sign_up", "settings.token", "playground.server"):
        assert endpoint in LIMITS
    for endpoint in app.view_functions:
        if endpoint.startswith(("api_playground.", "api_mcp_servers.save")):
            assert endpoint in LIMITS


def test_every_method_that_changes_something_is_counted(app: Flask) -> None:
    limited = [rule for rule in app.url_map.iter_rules() if rule.endpoint in LIMITS]
    methods = {method for rule in limited for method in rule.methods or ()}

    assert methods - SAFE_METHODS <= set(CHANGES)
    assert "PATCH" in methods


def test_saving_has_a_limit_for_each_person_and_says_when_to_come_back(
    app: Flask, time_machine: object
) -> None:
    server_id = make_people(app, "ann", "bob")
    ann, bob = signed_in(app), signed_in(app, "bob")
    path = f"/api/mcp-servers/{server_id}/auth-token"
    time_machine.move_to(clock.now(), tick=False)  # type: ignore[attr-defined]

    for _ in range(12):
        # A body that is refused counts like one that is taken.
        assert ann.post(path, {}).status_code == 422
    refused = ann.post(path, {"token": CANARY})

    assert_problem(refused, 429, "too_many_requests")
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert bob.post(path, {"token": CANARY}).status_code == 201
    # Reading and pages go on.
    assert ann.get(path).json == {"has_token": False}
    form = ann.client.get_page(f"/settings/tokens/{server_id}").form(f"/settings/tokens/{server_id}")
    page = ann.client.submit(form, token=CANARY)
    assert (page.status_code, page.mimetype) == (429, "text/html")
    assert int(page.headers["Retry-After"]) >= 1

    time_machine.move_to(clock.now() + timedelta(seconds=61))  # type: ignore[attr-defined]
    assert ann.post(path, {"token": CANARY}).status_code == 201


def test_signing_in_has_a_limit_for_each_address_whatever_a_header_says(app: Flask) -> None:
    make_people(app, "ann")
    statuses = []
    for number in range(21):
        program = Program(app)
        program.client.environ_base |= {"HTTP_X_FORWARDED_FOR": f"203.0.113.{number}"}
        statuses.append(program.sign_in(EMAIL, PASSWORD).status_code)

    assert statuses == [200] * 20 + [429]
    elsewhere = Program(app)
    elsewhere.client.environ_base |= {"REMOTE_ADDR": "198.51.100.9"}
    assert elsewhere.sign_in(EMAIL, PASSWORD).status_code == 200


def test_behind_proxies_the_address_is_the_one_that_the_last_of_them_saw(database_url: str) -> None:
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": database_url, "TRUSTED_PROXIES": 1})
    make_people(app, "ann")
    statuses = []
    for number in range(21):
        program = Program(app)
        # What a client makes up stands before what the proxy adds.
        program.client.environ_base |= {"HTTP_X_FORWARDED_FOR": f"203.0.113.{number}, 192.0.2.50"}
        statuses.append(program.sign_in(EMAIL, PASSWORD).status_code)

    databases.dispose(app)
    assert statuses[-1] == 429


def test_signing_up_has_a_limit(app: Flask, client: PageClient) -> None:
    form = client.get_page("/sign-up").form("/sign-up")

    statuses = [client.submit(form, email="no address", password="x").status_code for _ in range(11)]

    assert statuses == [422] * 10 + [429]


def test_calls_have_a_limit_that_pages_and_programs_share(app: Flask) -> None:
    server_id = make_people(app, "ann")
    ann = signed_in(app)
    path = f"/api/playground/{server_id}/tools"

    statuses = {ann.post(path, {"mcp_auth_token": CANARY}).status_code for _ in range(12)}
    refused = ann.post(path, {"mcp_auth_token": CANARY})
    form = ann.client.get_page(f"/playground/{server_id}").form(f"/playground/{server_id}")

    assert statuses == {502}
    assert_problem(refused, 429, "too_many_requests")
    assert ann.client.submit(form).status_code == 429


def test_the_sixth_failure_at_the_page_says_when_to_come_back(app: Flask, client: PageClient) -> None:
    make_people(app, "ann")
    form = client.get_page("/login").form("/login")

    answers = [client.submit(form, email=EMAIL, password="wrong horse battery") for _ in range(7)]

    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 2
    waits = [int(answer.headers["Retry-After"]) for answer in answers[5:]]
    assert 1 <= waits[0] <= waits[1] <= 30
    page = Page(answers[-1].text)
    assert page.form("/login").values["email"] == EMAIL
    assert "Too many" in page.find("div", role="alert")[0].text


def test_the_sixth_failure_of_a_program_is_a_problem(app: Flask) -> None:
    make_people(app, "ann")
    program = Program(app)

    answers = [program.sign_in(EMAIL, "wrong horse battery") for _ in range(6)]

    document = assert_problem(answers[-1], 429, "too_many_requests")
    assert document["retry_after"] == int(answers[-1].headers["Retry-After"])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_with_limits_off_nobody_waits_outside_production(database_url: str) -> None:
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": database_url, "RATELIMIT_ENABLED": False})
    make_people(app, "ann")

    statuses = {Program(app).sign_in(EMAIL, "wrong horse battery").status_code for _ in range(20)}
    statuses |= {Program(app).sign_in(EMAIL, PASSWORD).status_code for _ in range(25)}

    databases.dispose(app)
    assert statuses == {401, 200}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_two_apps_in_one_process_count_apart(database_url: str) -> None:
    apps = [create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": database_url}) for _ in range(2)]
    clients = [PageClient(app, app.response_class) for app in apps]
    form = clients[0].get_page("/sign-up").form("/sign-up")
    for _ in range(10):
        clients[0].submit(form, email="x", password="x")

    answer = clients[1].submit(clients[1].get_page("/sign-up").form("/sign-up"), email="x", password="x")

    for app in apps:
        databases.dispose(app)
    assert answer.status_code == 422


def test_whoever_searches_while_typing_is_not_held_up(app: Flask) -> None:
    make_people(app, "ann")
    ann = signed_in(app)

    # More than anybody types in a minute, each answer being a page of the list.
    answers = {ann.get(f"/settings/tokens?q={number}").status_code for number in range(100)}

    assert answers == {200}
