"""Token removal: an admin deletes a token that is somebody else's, without ever having seen it."""

from __future__ import annotations

from sqlalchemy import delete, select

from app.errors import ChangedMeanwhileError, NotThereError
from app.extensions import db
from app.models import Server, Token, User
from app.models.token import version_of
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.rights import keep_right


def delete_token_of(user_id: int, server_id: int, version: str | None, actor: Actor) -> bool:
    """Delete a person's token and return whether there was one. Commits; one audit row, in their chain.

    `version`: the token that was looked at (`Cell.version`); None: the one there is. Works whatever the state
    of the token, the person, the server or the key. Raises NotThereError for a person or server that is not
    there, ChangedMeanwhileError when another token was saved in the place of the one that was looked at.
    """
    keep_right(actor)
    server = db.session.get(Server, server_id)
    if server is None or db.session.get(User, user_id) is None:
        raise NotThereError
    mine = Token.user_id == user_id, Token.mcp_server_id == server_id
    found = db.session.execute(select(Token.id, Token.revision).where(*mine)).one_or_none()
    if found is None:
        db.session.rollback()
        return False
    if version not in (None, version_of(found.id, found.revision)):
        raise ChangedMeanwhileError
    gone = db.session.execute(
        delete(Token).where(Token.id == found.id, Token.revision == found.revision).returning(Token.id)
    ).one_or_none()
    if gone is None:
        db.session.rollback()
        raise ChangedMeanwhileError
    record(Action.TOKEN_DELETED, actor, subject_user_id=user_id, server=server)
    db.session.commit()
    return True
