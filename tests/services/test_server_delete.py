"""Deleting a server: whose tokens go, said beforehand and told to each; only the ledger stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask

from app import clock
from app.errors import LedgerClosedError, MarketError, NotThereError, TokensWouldBeDeletedError
from app.extensions import db
from app.mcp.egress import Egress
from app.models import AuditEvent, Group, Server, ServerGroup, Token
from app.services import server_delete, servers, tokens
from app.services.audit_list import EventFilter, list_own_events
from app.services.audit_verify import verify_ledger
from app.services.checks import check_token
from app.services.server_change import change_server
from app.services.server_delete import delete_server, list_owners
from app.services.tokens import NewToken
from app.services.uses import Door
from tests.factories import ACTOR, make_server, make_token, make_user
from tests.ledgers import shut
from tests.mcp_servers.gate import Gate
from tests.mcp_servers.running import running
from tests.services.test_server_change import at_once

EGRESS = Egress(frozenset(), plain_http=False)
TOKEN = "a-token-of-mine-0123456789"


def with_tokens(*names: str) -> Server:
    server = make_server("GitHub")
    for name in names:
        make_token(make_user(f"{name}@example.com"), server)
    return server


def delete(server_id: int, deleted_tokens: int | None) -> Any:
    return delete_server(server_id, deleted_tokens=deleted_tokens, actor=ACTOR)


def outcome_of(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except MarketError as error:
        return type(error).__name__


def naming(server_id: int) -> dict[str, int]:
    """Return table → rows that name this server, for every column of every table that can."""
    found = {}
    for table in db.metadata.sorted_tables:
        columns = [
            column
            for column in table.columns
            if column.name.endswith("server_id")
            or any(key.column.table.name == "mcp_servers" for key in column.foreign_keys)
            or (table.name == "mcp_servers" and column.name == "id")
        ]
        for column in columns:
            statement = db.select(db.func.count()).select_from(table).where(column == server_id)
            found[table.name] = db.session.scalar(statement)
    return found


def test_nothing_but_the_ledger_names_it_afterwards_and_the_ledger_is_intact(app: Flask) -> None:
    with app.app_context():
        app.extensions["audit_key"].prepare()
        server, other = with_tokens("ann", "ben"), make_server("Other")
        make_token(make_user("cho@example.com"), other)
        group = Group(name="Staff", created_at=clock.now())
        db.session.add(group)
        db.session.flush()
        db.session.add(ServerGroup(group_id=group.id, mcp_server_id=server.id))
        db.session.commit()
        server_id, before = server.id, naming(server.id)
        others = naming(other.id)

        assert delete(server_id, 2) == 2

        assert {"mcp_servers", "mcp_auth_tokens", "server_groups", "audit_events"} <= before.keys()
        assert all(before.values())
        assert {table for table, rows in naming(server_id).items() if rows} == {"audit_events"}
        assert naming(server_id)["audit_events"] == before["audit_events"] + 3
        assert naming(other.id) == others
        assert db.session.get(Group, group.id) is not None
        assert not db.session.execute(db.text(orphans())).all()
        assert verify_ledger(app.extensions["audit_key"]).fault is None
        # Nor does what is added next take its place.
        assert make_server("Next").id > server_id


def orphans() -> str:
    return "SELECT id FROM mcp_auth_tokens WHERE mcp_server_id NOT IN (SELECT id FROM mcp_servers)"


def test_each_owner_reads_in_their_own_activity_that_theirs_went_and_by_whom(app: Flask) -> None:
    with app.app_context():
        app.extensions["audit_key"].prepare()
        server = with_tokens("ann", "ben")
        stranger = make_user("cho@example.com")
        server_id = server.id

        delete(server_id, 2)

        for user_id in (1, 2):
            user = db.session.get(type(stranger), user_id)
            assert user is not None
            last = list_own_events(user, EventFilter()).events[0]
            assert (last.action, last.outcome, last.actor_name) == (
                *("token.deleted", "server_deleted"),
                ACTOR.name,
            )
            assert (last.server_id, last.server_name) == (server_id, "GitHub")
        assert not [one for one in list_own_events(stranger, EventFilter()).events if one.server_id]
        whole = db.session.scalars(db.select(AuditEvent).filter_by(action="server.deleted")).one()
        assert (whole.details, whole.subject_user_id) == ({"deleted_tokens": 2}, None)


@pytest.mark.parametrize("said", [None, 0, 1, 3])
def test_unless_the_very_number_was_said_nothing_is_deleted_and_it_is_named(
    app: Flask, said: int | None
) -> None:
    with app.app_context():
        server_id = with_tokens("ann", "ben").id
        before = db.session.scalar(db.select(db.func.count(AuditEvent.id)))

        with pytest.raises(TokensWouldBeDeletedError) as caught:
            delete(server_id, said)

        assert caught.value.deleted_tokens == 2
        assert naming(server_id)["mcp_auth_tokens"] == 2
        assert db.session.scalar(db.select(db.func.count(AuditEvent.id))) == before


@pytest.mark.parametrize("said", [None, 0, 7])
def test_where_no_token_goes_no_number_is_needed(app: Flask, said: int | None) -> None:
    with app.app_context():
        assert delete(make_server().id, said) == 0


def test_what_cannot_be_recorded_is_not_deleted(app: Flask) -> None:
    with app.app_context():
        server_id = with_tokens("ann").id
        with shut(), pytest.raises(LedgerClosedError):
            delete(server_id, 1)

        assert naming(server_id)["mcp_auth_tokens"] == 1
        assert naming(server_id)["mcp_servers"] == 1


def test_of_two_admins_at_once_one_deletes_and_the_other_is_told(app: Flask) -> None:
    for number in range(5):
        with app.app_context():
            server_id = with_tokens(f"ann{number}", f"ben{number}").id

        done = at_once(app, *([partial(outcome_of, partial(delete, server_id, 2))] * 2))

        assert sorted(map(str, done)) == ["2", "NotThereError"]


def save_for(app: Flask, email: str, server_id: int) -> Any:
    keys = app.extensions["keys"]
    return tokens.save_token(make_user(email), server_id, NewToken(TOKEN), keys=keys, actor=ACTOR)


def rename(server_id: int) -> Any:
    return change_server(server_id, {"name": "Octo"}, held_tokens=None, egress=EGRESS, actor=ACTOR)


@pytest.mark.parametrize("act", ["save", "enable", "change"])
def test_whatever_others_do_meanwhile_no_token_outlives_its_server(app: Flask, act: str) -> None:
    for number in range(5):
        with app.app_context():
            server_id = with_tokens(f"ann{number}").id
        acts: dict[str, Callable[[], Any]] = {
            "save": partial(save_for, app, f"ben{number}@example.com", server_id),
            "enable": partial(servers.set_enabled, server_id, False, ACTOR),
            "change": partial(rename, server_id),
        }

        done = at_once(
            app, partial(outcome_of, partial(delete, server_id, 1)), partial(outcome_of, acts[act])
        )

        with app.app_context():
            left = naming(server_id)
            assert done[0] in {1, "TokensWouldBeDeletedError"}
            if done[0] == 1:
                assert (left["mcp_servers"], left["mcp_auth_tokens"]) == (0, 0)
            else:
                # Ben was faster: his token was not among those that were named.
                assert (act, left["mcp_servers"], left["mcp_auth_tokens"]) == ("save", 1, 2)
            assert not db.session.execute(db.text(orphans())).all()


def test_a_check_that_waits_for_the_server_ends_well_although_it_was_deleted(app: Flask) -> None:
    gate = Gate(TOKEN)
    with running(gate.asgi()) as remote, app.app_context():
        app.extensions["audit_key"].prepare()
        ann, server = make_user(), make_server("Gate", url=remote.url)
        make_token(ann, server, TOKEN)
        server_id = server.id

        def meanwhile() -> None:
            with app.app_context():
                delete(server_id, 1)

        gate.meanwhile = meanwhile
        door = Door(app.extensions["keys"], remote.egress, ACTOR, app.extensions["call_slots"])

        assert check_token(ann, server_id, None, door=door).verdict.result == "accepted"

        assert {table for table, rows in naming(server_id).items() if rows} == {"audit_events"}
        assert verify_ledger(app.extensions["audit_key"]).fault is None


def test_a_server_that_is_not_there_cannot_be_deleted(app: Flask) -> None:
    with app.app_context(), pytest.raises(NotThereError):
        delete(1, None)


def test_whose_tokens_go_is_told_page_by_page_with_their_states_and_no_hint(app: Flask) -> None:
    with app.app_context():
        server = with_tokens("cho", "ann", "ben")
        make_token(make_user("dan@example.com"), make_server("Other"))
        now = clock.now()
        changes = {1: {"expires_at": now - timedelta(days=1)}, 2: {"bound_url": "https://x.example/"}}
        for user_id, columns in changes.items():
            db.session.execute(db.update(Token).where(Token.user_id == user_id).values(**columns))
        db.session.commit()

        first = list_owners(server.id, limit=2)
        second = list_owners(server.id, first.next or "", limit=2)

        rows = [(one.email, one.status) for one in (*first.rows, *second.rows)]
        assert rows == [
            ("ann@example.com", "on_hold"),
            ("ben@example.com", "saved"),
            ("cho@example.com", "expired"),
        ]
        assert first.states == second.states == {"on_hold": 1, "expired": 1, "saved": 1}
        assert list(first.states) == ["on_hold", "expired", "saved"]
        assert (first.people, first.next, second.next) == (3, "ben@example.com", None)
        assert set(server_delete.Owner.__dataclass_fields__) == {"user_id", "email", "status"}
        assert list_owners(server.id, "\x00").people == 3
