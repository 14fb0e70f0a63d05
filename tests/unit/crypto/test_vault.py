"""Vault: a sealed token opens in its own row alone, and every failure is one error."""

from __future__ import annotations

import base64
import json
import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.crypto.keyring import Keyring, build_keyring
from app.crypto.vault import Place, Sealed, Vault
from app.errors import KeyNotLoadedError, TokenUnreadableError

SALT = b"0123456789abcdef"
RING = build_keyring([secrets.token_urlsafe(32)], salt=SALT, rows=[])
VAULT = Vault(RING)
PLACE = Place(7, 11, "https://mcp.example.com/mcp")
TOKEN = "ghp_" + secrets.token_urlsafe(24)
SEALED = VAULT.seal(TOKEN, PLACE)


def test_what_was_sealed_unseals_in_its_place() -> None:
    assert VAULT.unseal(SEALED, PLACE) == TOKEN
    assert TOKEN not in SEALED.text


@pytest.mark.parametrize(
    "elsewhere",
    [
        PLACE._replace(user_id=8),
        PLACE._replace(server_id=12),
        PLACE._replace(address="https://mcp.example.com/mcp/"),
        PLACE._replace(address="https://evil.example.com/mcp"),
    ],
)
def test_a_row_copied_elsewhere_yields_nothing(elsewhere: Place) -> None:
    with pytest.raises(TokenUnreadableError):
        VAULT.unseal(SEALED, elsewhere)


DAMAGE = {
    "null": None,
    "empty": "",
    "short": "gAAAAA",
    "plaintext": TOKEN,
    "cut": SEALED.text[:-8],
    "more padding": SEALED.text + "=",
    "line break at the end": SEALED.text + "\n",
    "line break inside": SEALED.text[:40] + "\n" + SEALED.text[40:],
    "other alphabet": SEALED.text.replace("_", "/").replace("-", "+") + "==",
    "not ascii": "가나다" + SEALED.text,
    "lone surrogate": "\ud800",
    "a megabyte": "gA" + "A" * 1_000_000,
    "bytes": SEALED.text.encode(),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_of_any_kind_is_one_error(damage: str) -> None:
    with pytest.raises(TokenUnreadableError) as caught:
        VAULT.unseal(Sealed(DAMAGE[damage], SEALED.key_id), PLACE)  # type: ignore[arg-type]

    assert caught.value.args == ()
    assert caught.value.__context__ is None


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(SEALED.text) - 1), st.integers(0, 6))
def test_a_flipped_bit_anywhere_is_noticed(position: int, bit: int) -> None:
    flipped = chr(ord(SEALED.text[position]) ^ (1 << bit))
    text = SEALED.text[:position] + flipped + SEALED.text[position + 1 :]

    with pytest.raises(TokenUnreadableError):
        VAULT.unseal(Sealed(text, SEALED.key_id), PLACE)


@pytest.mark.parametrize("payload", [[], 1, {}, {"v": 2, "u": 7, "s": 11, "a": PLACE.address, "t": "x"}])
def test_a_payload_of_another_shape_is_refused(payload: object) -> None:
    assert RING.current is not None
    text = RING.current.fernet.encrypt(json.dumps(payload).encode()).decode()

    with pytest.raises(TokenUnreadableError):
        VAULT.unseal(Sealed(text, SEALED.key_id), PLACE)


def test_a_clock_set_back_locks_nobody_out(time_machine: object) -> None:
    time_machine.move_to("2020-01-01")  # type: ignore[attr-defined]

    assert VAULT.unseal(SEALED, PLACE) == TOKEN


def test_a_known_key_whose_secret_is_not_loaded_is_not_tried() -> None:
    vault = Vault(Keyring(None, {}, frozenset({SEALED.key_id})))

    with pytest.raises(KeyNotLoadedError):
        vault.unseal(SEALED, PLACE)
    with pytest.raises(KeyNotLoadedError):
        vault.seal(TOKEN, PLACE)


def test_a_key_that_nobody_knows_makes_a_row_unreadable() -> None:
    with pytest.raises(TokenUnreadableError):
        VAULT.unseal(SEALED._replace(key_id="0" * 16), PLACE)


def test_sealing_twice_gives_two_texts() -> None:
    assert VAULT.seal(TOKEN, PLACE).text != SEALED.text
    assert base64.urlsafe_b64decode(SEALED.text)[0] == 0x80
