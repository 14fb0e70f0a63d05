"""Import: the same entries as often as wanted, and what becomes of servers when their entry changes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask import Flask

from app.errors import LedgerClosedError
from app.extensions import db
from app.mcp.catalogue import STARTER_CATALOGUE, Catalogue, Entry, ProposedServer, join_catalogues
from app.mcp.egress import Egress
from app.mcp.registry import read_catalogue
from app.models import AuditEvent, Server
from app.services import server_import, servers
from app.services.actors import Actor
from app.services.audit_verify import verify_ledger
from app.services.import_plan import CLOSED, VANISHED, Plan
from app.services.server_delete import delete_server
from app.services.server_import import Consent, import_catalogue, import_entries, review_catalogue
from app.services.slugs import Slugs
from tests.ledgers import shut
from tests.services.test_servers import hold_token

DATA = Path(__file__).parents[1] / "data" / "registry"
PRODUCTION = Egress(allow=frozenset(), plain_http=False)
A, B, C = "https://a.example/mcp", "https://b.example/mcp", "https://c.example/mcp"


def proposed(url: str, **facts: Any) -> ProposedServer:
    return ProposedServer(facts.pop("name", url[8:9]), url, registry_name="com.example/mcp", **facts)


def take(*new: ProposedServer) -> Plan:
    """Import one entry with these servers."""
    return import_entries(Catalogue((Entry("com.example/mcp", new),), ()), Actor.of_cli())


def take_all(catalogue: Catalogue) -> Plan:
    return import_entries(catalogue, Actor.of_cli())


def real_catalogue() -> Catalogue:
    return join_catalogues(read_catalogue(path.read_bytes(), PRODUCTION) for path in sorted(DATA.iterdir()))


def states() -> dict[str, str | None]:
    """Return address → "on", "off" or the reason of an import."""
    return {
        server.url: "on" if server.is_enabled else server.disabled_reason or "off"
        for server in db.session.scalars(db.select(Server).order_by(Server.id))
    }


def events() -> list[str]:
    return [event.action for event in db.session.scalars(db.select(AuditEvent).order_by(AuditEvent.id))]


def snapshot() -> list[dict[str, Any]]:
    rows = db.session.execute(db.select(Server.__table__).order_by(Server.id)).mappings()
    return [dict(row) for row in rows]


def test_all_real_entries_become_servers(app: Flask) -> None:
    with app.app_context():
        report = import_entries(real_catalogue(), Actor.of_cli())

        assert len(report.added) == len(snapshot()) == 64
        assert len({row["slug"] for row in snapshot()}) == 64
        assert sorted(name for name, _ in report.disabled) == ["Cycloid", "PredictLeads"]
        assert [state for state in states().values() if state != "on"] == [why for _, why in report.disabled]
        assert events() == ["server.created"] * 64


def test_the_events_of_an_import_are_one_sealed_chain_with_those_around_them(app: Flask) -> None:
    key = app.extensions["audit_key"]
    with app.app_context():
        # Before there is a key: these are sealed in order by whoever has one.
        import_entries(real_catalogue(), Actor.of_cli())
        key.prepare()
        take(proposed(A))
        take(proposed(A, name="renamed"), proposed(B), proposed(C))

        assert verify_ledger(key).fault is None
        statement = db.select(AuditEvent.place, AuditEvent.seal).order_by(AuditEvent.id)
        sealed = db.session.execute(statement).all()
        assert [place for place, _ in sealed] == list(range(1, len(sealed) + 1))
        assert all(seal for _, seal in sealed)


def test_an_import_that_cannot_be_recorded_did_not_happen(app: Flask) -> None:
    with app.app_context(), shut():
        with pytest.raises(LedgerClosedError):
            import_entries(real_catalogue(), Actor.of_cli())

        assert snapshot() == []


def test_importing_twice_changes_nothing(app: Flask) -> None:
    with app.app_context():
        import_entries(real_catalogue(), Actor.of_cli())
        before = snapshot()

        report = import_entries(real_catalogue(), Actor.of_cli())

        assert (report.added, report.changed, report.disabled, report.held) == ([], [], [], 0)
        assert report.unchanged == 64
        assert snapshot() == before
        assert events() == ["server.created"] * 64


def test_the_registrys_own_entries_fit_onto_the_starter_catalogue(app: Flask) -> None:
    with app.app_context():
        starter = read_catalogue(STARTER_CATALOGUE.read_bytes(), PRODUCTION)
        import_entries(starter, Actor.of_cli())

        report = import_entries(real_catalogue(), Actor.of_cli())

        assert len(report.added) == 64 - 12
        assert VANISHED not in states().values()
        github = servers.find_server("github")
        # The registry is silent about where its tokens are made; what was known stays.
        assert github.token_help_url == "https://github.com/settings/tokens"


def test_a_new_url_of_the_only_remote_moves_the_server_and_holds_its_tokens(app: Flask) -> None:
    with app.app_context():
        take(proposed(A))
        server = servers.find_server("a")
        hold_token(server, "ann@example.com")

        report = take(proposed(B))

        assert (report.added, report.changed, report.held) == ([], ["b"], 1)
        assert (server.url, server.slug, server.name) == (B, "a", "b")
        assert "b.example" in server.search_text
        assert events() == ["server.created", "server.address_changed", "server.changed"]
        moved = db.session.scalars(db.select(AuditEvent).filter_by(action="server.address_changed")).one()
        assert moved.details == {"held_tokens": 1}


def test_a_token_that_is_on_hold_already_is_not_counted_again(app: Flask) -> None:
    with app.app_context():
        take(proposed(A))
        hold_token(servers.find_server("a"), "ann@example.com")
        take(proposed(B))

        assert take(proposed(C)).held == 0


def test_many_remotes_are_matched_by_url(app: Flask) -> None:
    with app.app_context():
        take(proposed(A), proposed(B))
        first = servers.find_server("a")

        report = take(proposed(C), proposed(A, name="renamed"))

        assert (report.added, report.changed) == (["c"], ["renamed", "b"])
        assert report.disabled == [("b", VANISHED)]
        assert states() == {A: "on", B: VANISHED, C: "on"}
        assert first.name == "renamed"


def test_one_remote_that_becomes_many_is_matched_by_url(app: Flask) -> None:
    with app.app_context():
        take(proposed(A))

        take(proposed(B), proposed(C))

        assert states() == {A: VANISHED, B: "on", C: "on"}


def test_many_remotes_that_become_one_are_matched_by_url(app: Flask) -> None:
    with app.app_context():
        take(proposed(A), proposed(B))

        take(proposed(C))

        assert states() == {A: VANISHED, B: VANISHED, C: "on"}


def test_a_remote_that_comes_back_is_enabled_again(app: Flask) -> None:
    with app.app_context():
        take(proposed(A), proposed(B))
        take(proposed(A))

        take(proposed(A), proposed(B))

        assert states() == {A: "on", B: "on"}


def test_after_one_of_two_has_vanished_the_other_can_move(app: Flask) -> None:
    with app.app_context():
        take(proposed(A), proposed(B))
        take(proposed(A))

        take(proposed(C))

        assert states() == {C: "on", B: VANISHED}


def test_an_entry_that_was_skipped_changes_nothing(app: Flask) -> None:
    with app.app_context():
        take(proposed(A))

        import_entries(
            read_catalogue('{"name": "com.example/mcp", "packages": [{}]}', PRODUCTION), Actor.of_cli()
        )

        assert states() == {A: "on"}


@pytest.mark.parametrize("reason", [None, "It wants two."])
def test_what_an_admin_disabled_stays_disabled(app: Flask, reason: str | None) -> None:
    with app.app_context():
        take(proposed(A, disabled_reason=reason))
        servers.set_enabled(servers.find_server("a").id, False, Actor.of_cli())

        for new in (
            proposed(A),
            proposed(A, description="new"),
            proposed(B),
            proposed(B, disabled_reason="x"),
        ):
            take(new)

        assert states() == {B: "off"}


def test_a_new_remote_opens_nothing_that_an_admin_has_closed(app: Flask) -> None:
    with app.app_context():
        take(proposed(A))
        servers.set_enabled(servers.find_server("a").id, False, Actor.of_cli())

        plan = take(proposed(A), proposed(B))

        assert (plan.added, plan.disabled) == (["b"], [("b", CLOSED)])
        # Nor does the same again, or an entry that is mended, enable it; an admin does.
        take(proposed(A), proposed(B, disabled_reason="It wants two."))
        assert take(proposed(A), proposed(B)).changed == []
        assert states() == {A: "off", B: CLOSED}
        servers.set_enabled(servers.find_server("b").id, True, Actor.of_cli())
        for _ in range(2):
            take(proposed(A), proposed(B))
        assert states() == {A: "off", B: "on"}


def test_a_new_remote_is_open_beside_one_that_is_or_that_opens_with_it(app: Flask) -> None:
    with app.app_context():
        take(proposed(A, disabled_reason="It wants two."))

        take(proposed(A), proposed(B))

        assert states() == {A: "on", B: "on"}
        servers.set_enabled(servers.find_server("a").id, False, Actor.of_cli())
        take(proposed(A), proposed(B), proposed(C))
        assert states() == {A: "off", B: "on", C: "on"}


def test_a_new_remote_is_for_everyone_only_where_all_the_others_are(app: Flask) -> None:
    with app.app_context():
        take(proposed(A), proposed(B))
        servers.find_server("a").for_everyone = False
        db.session.commit()

        take(proposed(A), proposed(B), proposed(C))
        take(proposed(A), proposed(B), proposed(C))

        assert [servers.find_server(slug).for_everyone for slug in "abc"] == [False, True, False]
        assert states() == {A: "on", B: "on", C: "on"}


def test_what_an_admin_enabled_stays_enabled_until_there_is_another_reason(app: Flask) -> None:
    with app.app_context():
        take(proposed(A, disabled_reason="It wants two."))
        servers.set_enabled(servers.find_server("a").id, True, Actor.of_cli())

        assert take(proposed(A, disabled_reason="It wants two.")).unchanged == 1
        assert states() == {A: "on"}

        assert take(proposed(A, disabled_reason="It wants three.")).disabled == [("a", "It wants three.")]
        assert states() == {A: "It wants three."}


def test_a_server_is_enabled_once_its_entry_is_mended(app: Flask) -> None:
    with app.app_context():
        take(proposed(A, disabled_reason="It wants two."))

        report = take(proposed(A))

        assert report.changed == ["a"]
        assert states() == {A: "on"}


def test_an_import_leaves_servers_added_by_hand_alone(app: Flask) -> None:
    with app.app_context():
        by_hand = servers.add_server(ProposedServer("a", A), egress=PRODUCTION, actor=Actor.of_cli())

        report = take(proposed(A, description="registry"))

        assert report.added == ["a"]
        assert by_hand.description == ""
        assert servers.find_server("a-2").registry_name == "com.example/mcp"


def test_a_server_deleted_after_it_was_read_is_added_again(app: Flask) -> None:
    with app.app_context():
        take(proposed(A))
        read = Catalogue((Entry("com.example/mcp", (proposed(A, description="new"),)),), ())
        review_catalogue(read)
        delete_server(servers.find_server("a").id, deleted_tokens=None, actor=Actor.of_cli())

        plan = import_catalogue(read, Consent(), Actor.of_cli())

        assert (plan.added, plan.changed) == (["a"], [])


def test_two_imports_at_once_add_a_server_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.app_context():

        def while_another_import_ends(taken: Iterable[str]) -> Slugs:
            seen = list(taken)
            monkeypatch.setattr(server_import, "Slugs", Slugs)
            take(proposed(A))
            return Slugs(seen)

        monkeypatch.setattr(server_import, "Slugs", while_another_import_ends)

        plan = take(proposed(A))

        assert (plan.added, plan.unchanged) == ([], 1)
        assert states() == {A: "on"}
        assert events() == ["server.created"]


def test_an_import_waits_for_the_one_that_adds_the_same_entry(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry_out = server_import._carry_out
    # Two names: no slug is taken twice, which would make the second one look again.
    second = Thread(target=lambda: bring("Second"))

    def bring(name: str) -> None:
        with app.app_context():
            take(proposed(A, name=name))

    def while_the_second_begins(*given: Any) -> None:
        monkeypatch.setattr(server_import, "_carry_out", carry_out)
        carry_out(*given)
        second.start()
        # It waits, or else is done long before.
        second.join(0.5)

    monkeypatch.setattr(server_import, "_carry_out", while_the_second_begins)

    bring("First")
    second.join()

    with app.app_context():
        assert states() == {A: "on"}
        assert [(row["name"], row["slug"]) for row in snapshot()] == [("Second", "first")]
