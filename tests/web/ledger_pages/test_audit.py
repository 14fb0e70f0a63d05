"""Admin, Audit: everyone's events for those who may, as pages and as files."""

from __future__ import annotations

import csv
import io
import json

import pytest
from flask import Flask

from app.extensions import db
from app.models import AuditEvent, User
from app.services import accounts, audit_export, audit_list
from app.services.oddities import dismiss, oddities_of
from tests.canary import CANARY_HINT
from tests.factories import ACTOR, PASSWORD, make_server, make_token, make_user
from tests.ledgers import shut
from tests.pages import PageClient

FORMULA = '=HYPERLINK("https://evil.example";"x")'


@pytest.fixture
def carol(app: Flask, client: PageClient) -> PageClient:
    """An auditor, beside a person with a token for a server of a hostile name."""
    with app.app_context():
        app.extensions["audit_key"].prepare()
        make_token(make_user("ann@example.com"), make_server(f"{FORMULA}\r\n<b>x\u2028"))
        make_user("carol@example.com")
        make_user("admin@example.com", admin=True)
        accounts.set_role("carol@example.com", "auditor", ACTOR)
    client.sign_in("carol@example.com", PASSWORD)
    return client


def export(client: PageClient, form: str) -> str:
    page = client.get_page("/admin/audit")
    answer = client.submit(page.form(f"/admin/audit/export/{form}"))
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == f'attachment; filename="audit-events.{form}"'
    return answer.get_data(as_text=True)


def actions(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(db.select(AuditEvent.action).order_by(AuditEvent.id)))


def test_an_auditor_reads_the_ledger_and_nothing_else(app: Flask, carol: PageClient) -> None:
    assert carol.get("/admin/audit").status_code == 200
    for path in ("/admin/users", "/admin/encryption", "/admin/users/1/totp"):
        assert carol.get(path).status_code == 404
    assert [a.text for a in carol.get_page("/settings/tokens").find("a") if a.text == "Audit log"]

    with app.app_context():
        accounts.set_role("carol@example.com", "user", ACTOR)
    assert carol.get("/admin/audit").status_code == 404
    assert actions(app).count("access.refused") == 4


def test_reading_is_recorded_once_an_hour_and_shows_no_hint(app: Flask, carol: PageClient) -> None:
    for _ in range(3):
        assert CANARY_HINT not in carol.get("/admin/audit").text

    assert actions(app).count("audit.read") == 1


def test_events_are_filtered_and_paged(app: Flask, carol: PageClient) -> None:
    with app.app_context():
        ann = db.session.get_one(User, 1)
        server = make_server("Busy")
        for _ in range(55):
            make_token(ann, server)

    page = carol.get_page("/admin/audit?kind=token&person=1")
    rows = page.find("tr", class_="row")
    (older,) = [a.attributes["href"] for a in page.find("a", class_="next")]
    assert len(rows) == 50
    assert len(carol.get_page(older).find("tr", class_="row")) == 6
    assert len(carol.get_page("/admin/audit?kind=account&person=2").find("tr", class_="row")) == 1
    assert not carol.get_page("/admin/audit?actor=nobody%25").find("tr", class_="row")
    for made_up in ("person=x", "before=%00", "kind='", "actor=%00%ff", "server=1e9"):
        assert carol.get(f"/admin/audit?{made_up}").status_code == 200


def test_a_page_looks_so_far_back_and_says_so(
    app: Flask, carol: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_list, "LOOKED_THROUGH", 20)
    with app.app_context():
        ann = db.session.get_one(User, 1)
        server = make_server("Busy")
        for _ in range(30):
            make_token(ann, server)
    path, pages = "/admin/audit?server=hyperlink", []

    while path:
        page = carol.get_page(path)
        pages.append((len(page.find("tr", class_="row")), "Looked back to" in page.text))
        links = page.find("a", class_="next")
        path = links[0].attributes["href"] if links else ""

    # The one event of that server is the oldest but a few; the last page has nothing behind it.
    assert pages == [(0, True), (1, False)]


@pytest.mark.parametrize("query", ["kind=sign_in", "server=2", "person=1", "kind=token&person=1", ""])
def test_what_an_index_finds_is_found_however_far_back(
    app: Flask, carol: PageClient, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(audit_list, "LOOKED_THROUGH", 60)
    with app.app_context():
        server = make_server("Busy")
        for _ in range(55):
            make_token(db.session.get_one(User, 1), server)
        wanted = {
            "kind=sign_in": AuditEvent.action.like("sign_%"),
            "server=2": AuditEvent.server_id == 2,
            "person=1": AuditEvent.subject_user_id == 1,
            "kind=token&person=1": AuditEvent.action.like("token.%"),
            "": db.true(),
        }[query]
        carol.get("/admin/audit")
        expected = list(
            db.session.scalars(db.select(AuditEvent.id).where(wanted).order_by(AuditEvent.id.desc()))
        )
        found, before = [], None
        while True:
            asked = dict(word.split("=") for word in query.split("&") if word)
            page = audit_list.list_events(
                audit_list.EventFilter(
                    kind=asked.get("kind", ""),
                    server_id=int(asked["server"]) if "server" in asked else None,
                    subject_user_id=int(asked["person"]) if "person" in asked else None,
                    before=before,
                )
            )
            found += [event.id for event in page.events]
            before = page.next
            if before is None:
                break

    assert found == expected


def test_people_and_servers_are_found_by_what_the_page_calls_them(app: Flask, carol: PageClient) -> None:
    with app.app_context():
        make_token(db.session.get_one(User, 1), make_server("Busy Bee"))

    def rows(query: str) -> list[str]:
        page = carol.get_page(f"/admin/audit?{query}")
        return [" ".join(row.text.split()) for row in page.find("tr", class_="row")]

    assert rows("person=ANN@example.com") == rows("person=1") != []
    assert all("ann@example.com" in row for row in rows("person=1"))
    assert rows("server=busy+b") == rows("server=2") != []
    assert rows("actor=CAROL") == rows("actor=carol@") != []
    assert rows("person=nobody@example.com") == []
    assert "No account has this email." in carol.get_page("/admin/audit?person=nobody@example.com").text


def test_events_of_an_account_that_is_gone_are_found_by_its_id(app: Flask, carol: PageClient) -> None:
    with app.app_context():
        db.session.execute(db.delete(User).where(User.id == 1))
        db.session.commit()

    page = carol.get_page("/admin/audit?person=1")

    assert page.find("tr", class_="row")
    assert "deleted account 1" in page.text


def test_in_csv_each_event_is_one_line_and_no_cell_is_a_formula(app: Flask, carol: PageClient) -> None:
    text = export(carol, "csv")

    rows = list(csv.DictReader(io.StringIO(text)))
    with app.app_context():
        assert len(rows) == db.session.scalar(db.select(db.func.count(AuditEvent.id)))
    assert len(text.splitlines()) == len(rows) + 1
    for row in rows:
        assert not [cell for cell in row.values() if cell.startswith(audit_export.FORMULA_STARTS)]
    assert any("HYPERLINK" in row["server_name"] for row in rows)
    assert actions(app)[-1] == "audit.exported"


def test_in_jsonl_each_event_is_one_object_with_its_seal(app: Flask, carol: PageClient) -> None:
    rows = [json.loads(line) for line in export(carol, "jsonl").splitlines()]

    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert all(row["seal"] for row in rows)
    assert rows[-1]["action"] == "audit.exported"
    assert any(row["server_name"] == f"{FORMULA}\r\n<b>x\u2028" for row in rows)


def test_an_export_goes_on_in_pieces_without_an_open_transaction(
    app: Flask, carol: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_export, "BATCH_SIZE", 3)
    with app.app_context():
        pieces = audit_export.export_events("jsonl", ACTOR)
        first = next(pieces)
        assert not db.session().in_transaction()
        rest = list(pieces)

    assert len(first.splitlines()) == 3
    assert len(rest) > 1


def test_an_unknown_format_is_not_there(carol: PageClient) -> None:
    token = carol.get_page("/admin/audit").find("input", name="csrf_token")[0].attributes["value"]

    assert carol.post("/admin/audit/export/xls", data={"csrf_token": token}).status_code == 404
    assert carol.get("/admin/audit/export/csv").status_code == 405


def test_what_is_odd_about_anybody_is_shown_to_auditors(app: Flask, carol: PageClient) -> None:
    stranger = app.test_client()
    assert isinstance(stranger, PageClient)
    form = stranger.get_page("/login").form("/login")
    for _ in range(5):
        stranger.submit(form, email="ann@example.com", password="wrong horse battery")

    assert "Many sign-ins to this account failed" in carol.get_page("/admin/audit").text
    with app.app_context():
        ann = accounts.get_user("ann@example.com")
        (found,) = oddities_of(ann)
        dismiss(ann, found.kind, found.event_id, ACTOR)
    assert "Many sign-ins to this account failed" not in carol.get_page("/admin/audit").text


def test_a_refusal_stands_when_it_cannot_be_recorded(app: Flask, carol: PageClient) -> None:
    token = carol.get_page("/settings/sessions").find("input", name="csrf_token")[0].attributes["value"]

    with app.app_context(), shut():
        assert carol.get("/admin/users").status_code == 404
        assert carol.post("/logout").status_code == 400
        # What would have to be recorded is not done.
        answer = carol.post("/settings/sessions/end-others", data={"csrf_token": token})

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert carol.get("/settings/sessions").status_code == 200
