"""Address confirmation: a token on hold, released by its owner for the address they were shown."""

from __future__ import annotations

from sqlalchemy import exists, update

from app import clock
from app.crypto.vault import Place, Sealed
from app.errors import InvalidInputError, NotThereError, TokenUnreadableError
from app.extensions import db
from app.models import Server, Token, User
from app.services.audit import Action, record
from app.services.availability import server_for
from app.services.keys import Keys
from app.services.own_acts import confirm_own_act
from app.services.rows_changed import rows_changed
from app.services.saved_tokens import SavedRow, saved_row
from app.services.sign_in import Visitor
from app.services.token_marks import check_columns, mark_unreadable


def confirm_address(
    user: User, server_id: int, address: str, password: str, *, keys: Keys, visitor: Visitor
) -> None:
    """Bind the person's token to the server's present address, which has to be the one they were shown.

    The token does not leave the vault. What was found about it at the old address is forgotten. Commits;
    writes one audit row. Raises NotThereError (no server that they may use, no token, not on hold), what
    `confirm_own_act` raises, InvalidInputError("address", "address_changed"), TokenUnreadableError,
    KeyNotLoadedError.
    """
    _held(user, server_id)
    confirm_own_act(user, password, visitor)
    server, row = _held(user, server_id)
    if address != server.url:
        raise InvalidInputError("address", "address_changed")
    try:
        sealed = keys.vault_for_sealing().rebind(
            Sealed(row.token_encrypted, row.key_id), Place(user.id, server_id, row.bound_url), address
        )
    except TokenUnreadableError:
        mark_unreadable(row, server, visitor.actor)
        db.session.commit()
        raise
    # Another address by now, another token, or one that rotation has just sealed anew: none of them is this.
    still_there = exists().where(Server.id == server_id, Server.url == address)
    same = (Token.id == row.id, Token.revision == row.revision, Token.token_encrypted == row.token_encrypted)
    done = rows_changed(
        update(Token)
        .where(*same, still_there)
        .values(
            token_encrypted=sealed.text,
            key_id=sealed.key_id,
            bound_url=address,
            revision=Token.revision + 1,
            held_at=None,
            updated_at=clock.now(),
            **check_columns(None),
        )
    )
    if not done:
        db.session.rollback()
        raise InvalidInputError("address", "address_changed")
    record(Action.TOKEN_ADDRESS_CONFIRMED, visitor.actor, subject_user_id=user.id, server=server)
    db.session.commit()


def _held(user: User, server_id: int) -> tuple[Server, SavedRow]:
    server = server_for(user.id, server_id)
    row = saved_row(user.id, server_id)
    if row is None or row.bound_url == server.url:
        raise NotThereError
    return server, row
