"""A person with an account."""

from __future__ import annotations

from datetime import datetime
from typing import Final, cast

from flask_login import UserMixin
from sqlalchemy import CheckConstraint, String, false, true
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import UtcDateTime

ROLES: Final = ("user", "auditor", "admin")
#: In place of a hash, as in /etc/shadow: no password has this for its hash, so none signs in.
NO_PASSWORD: Final = "!"

#: Not accepted yet, may sign in, may not. A disabled person who never accepted is disabled.
INVITED: Final = "invited"
ACTIVE: Final = "active"
DISABLED: Final = "disabled"
STATES: Final = (INVITED, ACTIVE, DISABLED)


class User(UserMixin, Model):
    """A person. Deleting one deletes their sessions and tokens, never their audit events."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role IN ('user', 'auditor', 'admin')", name="role"),
        # A deleted person's id is never given to the next one.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Normalised (see `app.services.emails`), so that spellings of one address are one account.
    email: Mapped[str] = mapped_column(String(254), unique=True)
    display_name: Mapped[str] = mapped_column(String(100))
    #: argon2id in PHC string form; `NO_PASSWORD` from the invitation until the person sets one.
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(16), default="user", server_default="user")
    #: False: cannot sign in, and every session is refused.
    is_active: Mapped[bool] = mapped_column(default=True, server_default=true())
    #: True: may do nothing before a second factor is set up.
    totp_required: Mapped[bool] = mapped_column(default=False, server_default=false())
    #: False: "never store my tokens". What is stored already stays until it is deleted.
    stores_tokens: Mapped[bool] = mapped_column(default=True, server_default=true())
    #: Language tag, or None to follow the browser.
    locale: Mapped[str | None] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: None: never signed in.
    last_login_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    #: The random id of the session this object was loaded for; not a column. Set by the
    #: login loader, so that Flask-Login keeps that id in the cookie and nothing of the user.
    session_id = cast("str | None", None)

    @property
    def is_admin(self) -> bool:
        """Whether this person administers the installation."""
        return self.role == "admin"

    @property
    def may_audit(self) -> bool:
        """Whether this person may read everyone's events."""
        return self.role in ("auditor", "admin")

    @property
    def state(self) -> str:
        """Return one of `STATES`."""
        if not self.is_active:
            return DISABLED
        return INVITED if self.password_hash == NO_PASSWORD else ACTIVE

    def get_id(self) -> str:
        """Return what Flask-Login puts into the cookie: the session's random id."""
        if self.session_id is None:
            raise ValueError("this user was not loaded for a session")
        return self.session_id
