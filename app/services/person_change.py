"""Person change: what an admin may change of somebody's account."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete

from app.errors import InvalidInputError, OwnSecondFactorError
from app.extensions import db
from app.models import LoginSession, PendingSignIn, User
from app.models.user import ROLES
from app.services.actors import Actor
from app.services.admins import keep_an_admin
from app.services.audit import Action, record
from app.services.one_time_links import drop_link
from app.services.person_lock import lock_person


@dataclass(frozen=True)
class PersonChange:
    """What a person's account is to be like; None: as it is."""

    is_active: bool | None = None
    #: One of `app.models.user.ROLES`.
    role: str | None = None
    totp_required: bool | None = None


def change_person(user_id: int, change: PersonChange, actor: Actor) -> bool:
    """Change a person's account; return whether that changed anything. Commits; an audit row for each change.

    Disabling ends their sessions and their one-time link; what they hold stays. Raises NotThereError,
    LastAdminError, InvalidInputError("role", `unknown`), and OwnSecondFactorError for who lifts
    what is required of themselves. Whatever it raises, nothing has changed.
    """
    if change.role is not None and change.role not in ROLES:
        raise InvalidInputError("role", "unknown")
    if change.is_active is False or change.role not in {None, "admin"}:
        keep_an_admin(user_id, actor)
    user = lock_person(user_id, actor)
    if user.id == actor.user_id and user.totp_required and change.totp_required is False:
        db.session.rollback()
        raise OwnSecondFactorError
    changes = [
        _set_active(user, change.is_active, actor),
        _set_role(user, change.role, actor),
        _set_totp_required(user, change.totp_required, actor),
    ]
    db.session.commit()
    return any(changes)


def _set_active(user: User, active: bool | None, actor: Actor) -> bool:
    if active in {None, user.is_active}:
        return False
    user.is_active = bool(active)
    # At enabling again, for what began while they were being disabled: nothing of before opens anything.
    for table in (LoginSession, PendingSignIn):
        db.session.execute(delete(table).where(table.user_id == user.id))
    drop_link(user.id)
    action = Action.ACCOUNT_ENABLED if active else Action.ACCOUNT_DISABLED
    record(action, actor, subject_user_id=user.id)
    return True


def _set_role(user: User, role: str | None, actor: Actor) -> bool:
    if role in {None, user.role}:
        return False
    user.role = str(role)
    record(Action.ROLE_CHANGED, actor, outcome=user.role, subject_user_id=user.id)
    return True


def _set_totp_required(user: User, required: bool | None, actor: Actor) -> bool:
    if required in {None, user.totp_required}:
        return False
    user.totp_required = bool(required)
    record(Action.TOTP_REQUIRED, actor, outcome="on" if required else "off", subject_user_id=user.id)
    return True
