"""Own acts: what people do to their account or tokens only with their password typed again."""

from __future__ import annotations

from app.models import User
from app.services.sessions import stay_signed_in
from app.services.sign_in import Visitor, confirm_password


def confirm_own_act(user: User, password: str, visitor: Visitor, *, field: str = "password") -> None:
    """Return when the person has typed their password again, and is signed in until the transaction ends.

    Verifying takes a while, in which an admin may disable the account or end its sessions. Commits what was
    before. Raises what `confirm_password` raises, and SignedOutError.
    """
    confirm_password(user, password, visitor, field=field)
    stay_signed_in(user, shared=False)
