"""Actor: who is doing this, and from where, as the ledger will tell it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace

from app.models import User


@dataclass(frozen=True)
class Right:
    """By what somebody does what not everybody may: any of these roles, held in this session."""

    roles: frozenset[str]
    session_id: str = field(repr=False)


@dataclass(frozen=True)
class Actor:
    """Who acts. `user_id` None: the system, the command line, or a stranger.

    `right` None: on what is their own, or as the machine itself. With one, nothing is recorded unless they
    still have it (`app.services.rights`).
    """

    user_id: int | None
    name: str
    client_address: str
    agent: str
    request_id: str
    right: Right | None = None

    @classmethod
    def of_cli(cls) -> Actor:
        """Return the actor of a command run on the machine itself."""
        return cls(None, "command line", "", "", secrets.token_hex(8))

    def signed_in_as(self, user: User) -> Actor:
        """Return this actor once it is known who it is."""
        return replace(self, user_id=user.id, name=user.email)

    def without_right(self) -> Actor:
        """Return this actor for the end of what they had the right to begin, or for what is their own."""
        return replace(self, right=None)
