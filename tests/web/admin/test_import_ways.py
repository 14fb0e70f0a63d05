"""Page, command and API: the same files make the same catalogue, in whichever form they come."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from app.models import AuditEvent, Server
from tests.pages import Page, PageClient
from tests.services.test_server_export import facts
from tests.web.admin.test_import_pages import DATA, fields_of, go_on, send

#: The catalogue that comes of it is the same on both databases (`tests/services`).
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
RECORDS = [json.loads(path.read_text()) for path in sorted(DATA.iterdir())]
OFFICIAL = "io.modelcontextprotocol.registry/official"


def older(record: dict[str, Any]) -> dict[str, Any]:
    """Return an entry as the registry wrote it before 2025-09-16: bare, with its spellings."""
    return dict(snake(record["server"])) | {
        "_meta": {"io.modelcontextprotocol.registry": {"is_latest": True}}
    }


def snake(value: Any) -> Any:
    names = {"isSecret": "is_secret", "isRequired": "is_required", "type": "transport_type"}
    if isinstance(value, dict):
        return {names.get(name, name): snake(inner) for name, inner in value.items()}
    return [snake(one) for one in value] if isinstance(value, list) else value


def outdated(record: dict[str, Any]) -> dict[str, Any]:
    url = "https://outdated.example.com/mcp"
    entry = record["server"] | {"remotes": [{"type": "streamable-http", "url": url}]}
    return {"server": entry, "_meta": {OFFICIAL: {"status": "active", "isLatest": False}}}


#: Every form in which the 39 entries come.
FORMS: dict[str, Any] = {
    "list page": {"servers": RECORDS, "metadata": {"count": len(RECORDS)}},
    "older list page": {"servers": [older(record) for record in RECORDS], "metadata": {"next_cursor": "x"}},
    "list": [record["server"] for record in RECORDS],
    "with other versions": {"servers": [*map(outdated, RECORDS), *RECORDS, *RECORDS]},
}


def by_page(app: Flask, client: PageClient, document: Any, folder: Path) -> None:
    page = Page(send(client, json.dumps(document)).text)
    if page.find("button", value="import"):
        assert fields_of(page).getlist("take")
        assert go_on(client, page).status_code == 303


def by_command(app: Flask, client: PageClient, document: Any, folder: Path) -> None:
    file = folder / "servers.json"
    file.write_text(json.dumps(document))
    assert app.test_cli_runner().invoke(args=["servers", "import", str(file)]).exit_code == 0


def by_api(app: Flask, client: PageClient, document: Any, folder: Path) -> None:
    headers = {"X-CSRFToken": client.csrf_token()}
    answer = client.post("/api/admin/servers/import", json={"catalogue": document}, headers=headers)
    assert answer.status_code == 200


WAYS: list[Callable[[Flask, PageClient, Any, Path], None]] = [by_page, by_command, by_api]


def test_all_ways_and_forms_make_one_catalogue_and_again_change_nothing(
    app: Flask, carol: PageClient, tmp_path: Path
) -> None:
    made: dict[tuple[str, str], Any] = {}
    for way in WAYS:
        for form, document in FORMS.items():
            with app.app_context():
                db.session.execute(db.delete(Server))
                db.session.commit()

            way(app, carol, document, tmp_path)
            with app.app_context():
                made[way.__name__, form] = facts()
                rows, events = snapshot(), count_events()
            way(app, carol, document, tmp_path)

            with app.app_context():
                assert (snapshot(), count_events()) == (rows, events), (way.__name__, form)

    first = made["by_command", "list page"]
    assert len(first) == 64
    assert {key for key, catalogue in made.items() if catalogue != first} == set()


def snapshot() -> list[dict[str, Any]]:
    rows = db.session.execute(db.select(Server.__table__).order_by(Server.id)).mappings()
    return [dict(row) for row in rows]


def count_events() -> int:
    statement = db.select(db.func.count()).where(AuditEvent.action.startswith("server."))
    return db.session.scalar(statement) or 0
