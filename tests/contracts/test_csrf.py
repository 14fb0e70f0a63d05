"""Every route that changes something refuses what no page of ours has sent."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from app.extensions import db
from tests import databases
from tests.contracts.test_actors import MATRIX, House, house
from tests.pages import PageClient

CHANGES = [(method, path) for method, path in MATRIX if method != "GET"]
#: Where nobody is signed in yet, a program has no token to send; what a browser says of itself counts.
WITHOUT_TOKEN = {("POST", "/api/session")}
FOREIGN = {
    "another site": {"Origin": "https://evil.example"},
    "a sandbox": {"Origin": "null"},
    "a name that begins like ours": {"Origin": "http://localhost.evil.example"},
    "a sibling": {"Origin": "http://localhost", "Sec-Fetch-Site": "same-site"},
    "the browser says so": {"Sec-Fetch-Site": "cross-site"},
}

__all__ = ["house"]


def token_in(client: PageClient, path: str = "/settings/sessions") -> str:
    page = client.get_page(path)
    return page.find("input", name="csrf_token")[0].attributes["value"]


def refused(client: PageClient, method: str, path: str, token: str | None, headers: dict[str, str]) -> None:
    """Send as a form or as a program, with everything right but what is tried; nothing may happen."""
    sent = MATRIX[method, path].sent
    where = path.format(**IDS)
    if path.startswith("/api/"):
        headers = headers | ({"X-CSRFToken": token} if token is not None else {})
        answer = client.open(where, method=method, json=sent, headers=headers)
    else:
        form = sent | ({"csrf_token": token} if token is not None else {})
        answer = client.open(where, method=method, data=form, headers=headers)

    assert answer.status_code == 400, answer.text
    assert "csrf_failed" in answer.text or "not sent from a page of ours" in answer.text


IDS: dict[str, int] = {}


def rows(app: Flask) -> dict[str, list[tuple[object, ...]]]:
    """Return the whole database."""
    with app.app_context():
        inspector = sa.inspect(db.engine)
        found = {
            table: sorted(map(tuple, db.session.execute(sa.text(f'SELECT * FROM "{table}"'))), key=str)  # noqa: S608
            for table in inspector.get_table_names()
            # That it was refused is recorded.
            if not table.startswith("audit_")
        }
        db.session.remove()
    return found


@pytest.fixture
def owner(house: House) -> PageClient:
    IDS.update(house.ids)
    return house.clients["owner"]


def test_a_change_that_no_page_of_ours_has_sent_changes_nothing(
    app: Flask, house: House, owner: PageClient
) -> None:
    before_sign_in = token_in(app.test_client(), "/login")  # type: ignore[arg-type]
    own, others = token_in(owner), token_in(house.clients["other"])
    before = rows(app)

    for method, path in CHANGES:
        if (method, path) not in WITHOUT_TOKEN:
            for token in (None, "", "x", others, before_sign_in, own[:-1], own + "x"):
                refused(owner, method, path, token, {})
        for headers in FOREIGN.values():
            refused(owner, method, path, own, headers)
        assert rows(app) == before, f"{method} {path}"


def test_the_token_from_before_the_sign_in_of_this_very_browser_is_refused(app: Flask, house: House) -> None:
    client = app.test_client()
    assert isinstance(client, PageClient)
    before = token_in(client, "/login")
    client.sign_in("ann@example.com", "correct horse battery")

    answer = client.post("/settings/sessions/end-others", data={"csrf_token": before})

    assert answer.status_code == 400


def test_over_https_a_foreign_referer_is_refused_and_ours_is_taken(app: Flask, owner: PageClient) -> None:
    over_tls = {"base_url": "https://localhost"}
    page = owner.get("/settings/sessions", **over_tls).text
    form = {"csrf_token": page.split('name="csrf_token" value="')[1].split('"')[0]}

    foreign = owner.post(
        "/settings/sessions/end-others", data=form, headers={"Referer": "https://evil.example/"}, **over_tls
    )
    ours = owner.post(
        "/settings/sessions/end-others",
        data=form,
        headers={"Referer": "https://localhost/settings/sessions", "Origin": "https://localhost"},
        **over_tls,
    )

    assert (foreign.status_code, ours.status_code) == (400, 303)


def test_every_change_in_the_matrix_is_tried_here() -> None:
    assert len(CHANGES) > 20
    assert databases.ENGINES == ("sqlite", "postgresql")
