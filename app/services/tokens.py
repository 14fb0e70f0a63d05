"""Tokens: saving, replacing and deleting the token one person holds for one server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, select
from sqlalchemy.exc import IntegrityError

from app import clock
from app.crypto.vault import Place
from app.errors import (
    ChangedMeanwhileError,
    ForeignTokenError,
    InvalidInputError,
    NotThereError,
    TokenRejectedError,
)
from app.extensions import db
from app.mcp.checks import REJECTED, Verdict
from app.models import Server, Token, User
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.availability import available_to, server_for
from app.services.checks import ask, record_check
from app.services.keys import Keys
from app.services.own_acts import confirm_own_act
from app.services.saved_tokens import saved_row
from app.services.sessions import stay_signed_in
from app.services.sign_in import Visitor
from app.services.stated_expiry import stated_expiry
from app.services.storing import refuse_unless_stored
from app.services.subkeys import fingerprint_of
from app.services.token_input import TokenInput, hint_of
from app.services.token_marks import check_columns
from app.services.token_rows import NOTHING, write_token
from app.services.uses import CHECK, REQUEST, Door, Typed, begin_use, read_typed

#: What a token is bound to that may be another's, until its owner names the address: nothing.
NO_ADDRESS: Final = ""
_TWINS: Final = (
    select(Server.name)
    .join(Token, Token.mcp_server_id == Server.id)
    .where(Token.user_id == bindparam("user_id"), Token.fingerprint == bindparam("fingerprint"))
    .where(Server.id != bindparam("but"), available_to(bindparam("user_id")))
    .order_by(Server.name_key)
)


@dataclass(frozen=True)
class Saved:
    """What a save did. `created` False: it replaced one. `changed` names what was taken off the paste.

    `stated_expires_at`: when the token itself says that it ends. `also_saved_for`: names of further servers
    for which this person has saved the same token. `verdict` None: it was not checked. `held_for`: the
    service whose token it looks like, or the host it was kept for, when that keeps it on hold.
    """

    created: bool
    hint: str | None
    changed: tuple[str, ...]
    stated_expires_at: datetime | None = None
    also_saved_for: tuple[str, ...] = ()
    verdict: Verdict | None = None
    held_for: str | None = None


@dataclass(frozen=True)
class NewToken:
    """What a person wants saved: the paste as it came, and when it expires (None: never).

    `address`: the server's address as they saw it; None: they did not say. `belongs_here`: see `Typed`.
    `holds_foreign`: keep one that may not belong here on hold, instead of refusing it.
    """

    text: str = field(repr=False)
    expires_at: datetime | None = None
    address: str | None = None
    belongs_here: bool = False
    holds_foreign: bool = False

    @property
    def typed(self) -> Typed:
        """Return the token as it is sent to be checked."""
        return Typed(self.text, self.belongs_here, "token", self.address)


def save_token(user: User, server_id: int, new: NewToken, *, keys: Keys, actor: Actor) -> Saved:
    """Seal and save a token unchecked, replacing the one there was. Commits once; writes one audit row.

    Raises NotThereError for a server that the person may not use, StorageOffError, SignedOutError,
    KeyNotLoadedError, ForeignTokenError, InvalidInputError for `token`, `expires_at` (`past`) or `address`
    (`address_changed`). Whatever it raises, the token there was stays.
    """
    server = _open_server(user, server_id, new, keys)
    try:
        ready = _Ready(user, server, read_typed(new.typed, server), new.expires_at, server.url)
    except ForeignTokenError as error:
        # Only where there is none yet: a token that works is not replaced by one that is not sent.
        if not new.holds_foreign or saved_row(user.id, server_id) is not None:
            raise
        # Bound to no address, it is on hold until its owner confirms that this one may have it.
        read = read_typed(replace(new.typed, belongs_here=True), server)
        ready = _Ready(
            user, server, read, new.expires_at, NO_ADDRESS, replaces=NOTHING, held_for=error.service
        )
    return _store(ready, keys, actor)


def save_checked_token(user: User, server_id: int, new: NewToken, *, door: Door) -> Saved:
    """Ask the server whether it takes the token, then save it, unless it was rejected. Waits for the server.

    Commits before the token leaves, and once at the end: the token there was is replaced in that commit or
    not at all. Raises what `save_token` and `begin_use` raise, BusyError, TokenRejectedError("request"), and
    ChangedMeanwhileError when another token was saved, or the one there was deleted, during the check.
    """
    _open_server(user, server_id, new, door.keys)
    row = saved_row(user.id, server_id)
    seen = (row.id, row.revision) if row else NOTHING
    # Before anything is sent: what cannot be sealed need not be checked.
    door.keys.vault_for_sealing()
    with door.slots.take(user.id):
        use = begin_use(user, server_id, new.typed, CHECK, door)
        verdict, milliseconds = ask(use, door)
    if verdict.result == REJECTED:
        record_check(use, verdict, milliseconds, door)
        db.session.commit()
        raise TokenRejectedError(REQUEST, was_to_be_saved=True)
    server = _open_server(user, server_id, new, door.keys)
    if server.url != use.remote.address:
        # What the old address said is not true of the new one.
        raise InvalidInputError("address", "address_changed")
    read = read_typed(new.typed, server)
    return _store(
        _Ready(user, server, read, new.expires_at, server.url, replaces=seen, verdict=verdict),
        door.keys,
        door.actor,
        lambda: record_check(use, verdict, milliseconds, door),
    )


def delete_token(user: User, server_id: int, actor: Actor) -> bool:
    """Delete the token and return whether there was one. Commits; an audit row if there was one.

    Works whatever the state of the token, the server or the key. Raises NotThereError.
    """
    server = db.session.get(Server, server_id)
    if server is None:
        raise NotThereError
    gone = db.session.execute(
        delete(Token).where(Token.user_id == user.id, Token.mcp_server_id == server_id).returning(Token.id)
    ).one_or_none()
    if gone is not None:
        record(Action.TOKEN_DELETED, actor, subject_user_id=user.id, server=server)
    else:
        # Where there is nothing to be deleted, the server is there only for whoever may use it.
        server_for(user.id, server_id)
    db.session.commit()
    return gone is not None


def delete_all_tokens(user: User, password: str, visitor: Visitor) -> int:
    """Delete every token of this person and return how many. Commits; writes one audit row for each.

    Contacts nobody. Raises what `confirm_own_act` raises.
    """
    confirm_own_act(user, password, visitor)
    gone = delete(Token).where(Token.user_id == user.id).returning(Token.mcp_server_id)
    server_ids = list(db.session.scalars(gone))
    for server in db.session.scalars(select(Server).where(Server.id.in_(server_ids)).order_by(Server.id)):
        record(Action.TOKEN_DELETED, visitor.actor, subject_user_id=user.id, server=server)
    db.session.commit()
    return len(server_ids)


def _open_server(user: User, server_id: int, new: NewToken, keys: Keys) -> Server:
    """Return the server, when there is nothing but the token itself to be looked at."""
    server = server_for(user.id, server_id)
    refuse_unless_stored(user, keys)
    if new.expires_at is not None and new.expires_at <= clock.now():
        raise InvalidInputError("expires_at", "past")
    return server


@dataclass(frozen=True)
class _Ready:
    """A token that is about to be stored. `bound`: the address it may be sent to.

    `replaces`: see `write_token`.
    """

    user: User
    server: Server
    read: TokenInput
    expires_at: datetime | None
    bound: str
    replaces: tuple[int, int] | None = None
    held_for: str | None = None
    verdict: Verdict | None = None


def _store(ready: _Ready, keys: Keys, actor: Actor, record_more: Callable[[], None] = lambda: None) -> Saved:
    """Seal and write the token, with its audit row and what `record_more` records besides, and commit."""
    user_id, server, value = ready.user.id, ready.server, ready.read.value
    vault = keys.vault_for_sealing()
    # As they are now: a check may have taken half a minute since they were loaded.
    refuse_unless_stored(stay_signed_in(ready.user), keys)
    fingerprint = fingerprint_of(value, user_id, vault)
    sealed = vault.seal(value, Place(user_id, server.id, ready.bound))
    stated = stated_expiry(value)
    columns = {
        "token_encrypted": sealed.text,
        "token_hint": hint_of(value),
        "key_id": sealed.key_id,
        "bound_url": ready.bound,
        "expires_at": ready.expires_at,
        "stated_expires_at": stated,
        "fingerprint": fingerprint,
        **check_columns(ready.verdict),
    }
    try:
        created = write_token(user_id, server.id, columns, ready.replaces)
    except IntegrityError:
        # The person or the server went away meanwhile.
        db.session.rollback()
        raise NotThereError from None
    if created is None:
        db.session.rollback()
        raise ChangedMeanwhileError
    action = Action.TOKEN_SAVED if created else Action.TOKEN_REPLACED
    record_more()
    record(action, actor, subject_user_id=user_id, server=server)
    twins = _servers_with(fingerprint, user_id, server.id)
    db.session.commit()
    return Saved(created, hint_of(value), ready.read.changed, stated, twins, ready.verdict, ready.held_for)


def _servers_with(fingerprint: str | None, user_id: int, but: int) -> tuple[str, ...]:
    """Return the names of this person's further servers with the same token, by name.

    Those that are no longer available to them are left out: there, nobody could do anything but delete it.
    """
    if fingerprint is None:
        return ()
    same = {"user_id": user_id, "fingerprint": fingerprint, "but": but}
    return tuple(db.session.connection().scalars(_TWINS, same))
