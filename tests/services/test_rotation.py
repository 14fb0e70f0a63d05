"""Rotation: every row under the new key, nothing a user sees changed, a user's save always wins."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from app.crypto import keyring
from app.crypto.vault import Sealed
from app.errors import KeyNotLoadedError, RotationRunningError
from app.extensions import db
from app.models import AuditEvent, EncryptionKey, SealedSubkey, Server, Token, User
from app.services import key_status, rotation
from app.services.keys import Keys, Secrets
from app.services.rotation import rotate_tokens
from app.services.rotation_lock import only_one
from app.services.tokens import NewToken, save_token
from tests.factories import ACTOR, make_server, make_user

OLD, NEW, STRANGE = (f"{name}-{secrets.token_urlsafe(32)}" for name in ("old", "new", "strange"))
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ROWS = 7


def token_number(number: int) -> str:
    return f"tok_{number:03d}_Zk3v9Qm7Lw2Xr8Ty5"


@pytest.fixture
def servers(app: Flask) -> Iterator[list[Server]]:
    """Ann's tokens for seven servers, saved under the old secret long ago."""
    with app.app_context():
        user = make_user()
        found = [make_server(f"Server {number}") for number in range(ROWS)]
        for number, server in enumerate(found):
            save(user, server, token_number(number), Secrets(OLD))
        values = {"updated_at": LONG_AGO, "last_used_at": LONG_AGO, "last_check_result": "accepted"}
        db.session.execute(db.update(Token).values(**values))
        db.session.commit()
        yield found


def save(user: User, server: Server, text: str, given: Secrets) -> None:
    save_token(user, server.id, NewToken(text), keys=Keys(given), actor=ACTOR)


def rows() -> list[Token]:
    statement = db.select(Token).order_by(Token.id).execution_options(populate_existing=True)
    found = list(db.session.scalars(statement))
    db.session.rollback()
    return found


def plaintexts(keys: Keys) -> list[str]:
    vault = keys.vault_for_reading()
    return [vault.unseal(Sealed(row.token_encrypted, row.key_id), rotation.place_of(row)) for row in rows()]


def shown(row: Token) -> tuple[Any, ...]:
    names = (
        "token_hint",
        "updated_at",
        "last_used_at",
        "last_check_result",
        "revision",
        "expires_at",
        "fingerprint",
    )
    return tuple(getattr(row, name) for name in names)


def test_every_row_is_re_sealed_and_nothing_that_a_user_sees_changes(servers: list[Server]) -> None:
    before = [shown(row) for row in rows()]
    keys = Keys(Secrets(NEW, (OLD,)))

    report = rotate_tokens(keys, ACTOR, batch_size=3)

    assert (report.rotated, report.already_current, report.unreadable, report.left) == (ROWS, 0, 0, {})
    assert {row.key_id for row in rows()} == {keys.vault_for_reading().current_id}
    assert [shown(row) for row in rows()] == before
    assert plaintexts(Keys(Secrets(NEW))) == [token_number(number) for number in range(ROWS)]


def test_subkeys_outlive_the_secret_so_that_fingerprints_stay_comparable(servers: list[Server]) -> None:
    user = db.session.scalars(db.select(User)).one()
    before = {row.fingerprint for row in rows()}

    rotate_tokens(Keys(Secrets(NEW, (OLD,))), ACTOR)
    save(user, make_server("Twin"), token_number(0), Secrets(NEW))

    fingerprints = [row.fingerprint for row in rows()]
    assert len(before) == ROWS
    assert fingerprints[-1] == fingerprints[0]
    assert {row.key_id for row in db.session.scalars(db.select(SealedSubkey))} == {rows()[0].key_id}


def test_two_people_with_one_token_have_different_fingerprints(servers: list[Server]) -> None:
    save(make_user("bob@example.com"), servers[0], token_number(0), Secrets(OLD))

    assert rows()[-1].fingerprint != rows()[0].fingerprint


@pytest.mark.parametrize("damage", ["gAAAAA", ""])
def test_a_damaged_subkey_is_made_anew_and_stops_no_save(servers: list[Server], damage: str) -> None:
    user = db.session.scalars(db.select(User)).one()
    db.session.execute(db.update(SealedSubkey).values(sealed_text=damage))
    db.session.commit()

    save(user, servers[0], token_number(5), Secrets(OLD))

    assert rows()[0].fingerprint is not None


def test_a_subkey_whose_secret_is_not_loaded_stops_no_save(servers: list[Server]) -> None:
    user = db.session.scalars(db.select(User)).one()
    save(user, servers[0], token_number(5), Secrets(NEW, (OLD,)))

    save(user, servers[1], token_number(6), Secrets(NEW))

    assert rows()[1].fingerprint is None


def test_a_second_run_rotates_nothing(servers: list[Server]) -> None:
    keys = Keys(Secrets(NEW, (OLD,)))
    rotate_tokens(keys, ACTOR)
    texts = [row.token_encrypted for row in rows()]

    report = rotate_tokens(keys, ACTOR)

    assert (report.rotated, report.already_current, report.rows_left) == (0, ROWS, 0)
    assert [row.token_encrypted for row in rows()] == texts


def test_a_dry_run_counts_and_writes_nothing(servers: list[Server]) -> None:
    texts = [row.token_encrypted for row in rows()]
    events = db.session.query(AuditEvent).count()

    report = rotate_tokens(Keys(Secrets(NEW, (OLD,))), ACTOR, dry_run=True)

    assert (report.rotated, sum(report.left.values())) == (ROWS, ROWS)
    assert [row.token_encrypted for row in rows()] == texts
    assert db.session.query(AuditEvent).count() == events
    assert db.session.query(EncryptionKey).count() == 1


def test_a_save_that_comes_between_reading_and_writing_wins(
    servers: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Keys(Secrets(NEW, (OLD,)))
    user = db.session.scalars(db.select(User)).one()
    real = rotation._swap

    def save_first(swaps: list[dict[str, Any]]) -> int:
        save(user, servers[2], "tok_saved-meanwhile-by-its-owner", Secrets(NEW, (OLD,)))
        return real(swaps)

    monkeypatch.setattr(rotation, "_swap", save_first)

    report = rotate_tokens(keys, ACTOR)

    assert (report.rotated, report.changed_meanwhile, report.rows_left) == (ROWS - 1, 1, 0)
    assert plaintexts(keys)[2] == "tok_saved-meanwhile-by-its-owner"


def test_an_unreadable_row_stops_nobody_is_marked_and_stays_counted(servers: list[Server]) -> None:
    first, second = rows()[:2]
    db.session.execute(
        db.update(Token).where(Token.id == first.id).values(token_encrypted=second.token_encrypted)
    )
    db.session.commit()

    report = rotate_tokens(Keys(Secrets(NEW, (OLD,))), ACTOR)

    assert (report.rotated, report.unreadable) == (ROWS - 1, 1)
    assert report.left == {first.key_id: 1}
    assert [row.unreadable_at is not None for row in rows()] == [True] + [False] * (ROWS - 1)
    ended = db.session.scalars(db.select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert ended is not None
    assert (ended.action, ended.outcome) == ("rotation.ended", "rows_left")


def test_rows_whose_secret_is_not_loaded_are_left_and_never_marked(servers: list[Server]) -> None:
    user = db.session.scalars(db.select(User)).one()
    save(user, make_server("Newer"), token_number(99), Secrets(NEW, (OLD,)))

    report = rotate_tokens(Keys(Secrets(STRANGE, (NEW,))), ACTOR)

    assert (report.rotated, report.unreadable, sum(report.left.values())) == (1, 0, ROWS)
    assert not any(row.unreadable_at for row in rows())


def test_a_wrong_secret_rotates_nothing(servers: list[Server]) -> None:
    with pytest.raises(KeyNotLoadedError):
        rotate_tokens(Keys(Secrets(STRANGE)), ACTOR)

    assert len({row.key_id for row in rows()}) == 1


def test_a_second_rotation_at_once_refuses(servers: list[Server]) -> None:
    with only_one(db.engine), pytest.raises(RotationRunningError):
        rotate_tokens(Keys(Secrets(NEW, (OLD,))), ACTOR)

    assert rotate_tokens(Keys(Secrets(NEW, (OLD,))), ACTOR).rotated == ROWS


def test_more_rounds_are_a_rotation_with_the_same_secret(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.app_context():
        monkeypatch.setattr(keyring, "ITERATIONS", keyring.MIN_ITERATIONS)
        save(make_user(), make_server(), token_number(1), Secrets(OLD))
        weak = rows()[0].key_id
        monkeypatch.setattr(keyring, "ITERATIONS", 2 * keyring.MIN_ITERATIONS)
        keys = Keys(Secrets(OLD))

        report = rotate_tokens(keys, ACTOR)

        statuses = {key.id: key for key in key_status.key_statuses(keys)}
        assert (report.rotated, report.rows_left) == (1, 0)
        assert (statuses[weak].iterations, statuses[weak].rows) == (keyring.MIN_ITERATIONS, 0)
        assert [key.iterations for key in statuses.values() if key.is_current] == [keyring.ITERATIONS]
        assert plaintexts(keys) == [token_number(1)]


def test_status_says_when_a_secret_is_safe_to_remove(servers: list[Server]) -> None:
    keys = Keys(Secrets(NEW, (OLD,)))
    old_id = rows()[0].key_id
    keys.vault_for_sealing()
    before = {key.id: key for key in key_status.key_statuses(keys)}

    rotate_tokens(keys, ACTOR)

    after = {key.id: key for key in key_status.key_statuses(keys)}
    assert (before[old_id].rows, before[old_id].is_loaded, before[old_id].is_current) == (ROWS, True, False)
    assert after[old_id].rows == 0
    assert sum(key.is_current for key in after.values()) == 1


def test_verify_finds_what_cannot_be_read_and_writes_nothing(servers: list[Server]) -> None:
    broken = rows()[3]
    db.session.execute(db.update(Token).where(Token.id == broken.id).values(token_encrypted="damage"))
    db.session.commit()

    found = key_status.verify_tokens(Keys(Secrets(OLD)))
    blind = key_status.verify_tokens(Keys(Secrets(STRANGE)))

    assert (found.readable, found.unreadable, found.not_loaded) == (ROWS - 1, [broken.id], [])
    assert (blind.readable, blind.unreadable, len(blind.not_loaded)) == (0, [], ROWS)
    assert not any(row.unreadable_at for row in rows())


def test_an_accepted_loss_lets_new_tokens_be_saved_and_keeps_the_rows(servers: list[Server]) -> None:
    keys = Keys(Secrets(STRANGE))
    user = db.session.scalars(db.select(User)).one()

    lost = key_status.accept_loss(keys, ACTOR)

    assert sum(lost.values()) == ROWS
    assert all(row.unreadable_at for row in rows())
    save(user, servers[0], "tok_saved-again-after-the-loss", Secrets(STRANGE))
    assert [row.unreadable_at is None for row in rows()] == [True] + [False] * (ROWS - 1)
    assert key_status.accept_loss(keys, ACTOR) == {}


@pytest.mark.parametrize(
    ("count_to", "told"), [(ROWS - 1, (ROWS - 1, True)), (ROWS, (ROWS, False)), (None, (ROWS, False))]
)
def test_a_page_counts_the_rows_of_a_key_so_far_and_no_further(
    servers: list[Server], count_to: int | None, told: tuple[int, bool]
) -> None:
    old_id = rows()[0].key_id

    found = {key.id: key for key in key_status.key_statuses(Keys(Secrets(OLD)), count_to=count_to)}

    assert (found[old_id].rows, found[old_id].has_more) == told
