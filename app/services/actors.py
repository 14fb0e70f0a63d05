"""Actor: who is doing this, and from where, as the ledger will tell it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from app.models import User


@dataclass(frozen=True)
class Actor:
    """Who acts. `user_id` None: the system, the command line, or a stranger."""

    user_id: int | None
    name: str
    client_address: str
    agent: str
    request_id: str

    @classmethod
    def of_cli(cls) -> Actor:
        """Return the actor of a command run on the machine itself."""
        return cls(None, "command line", "", "", secrets.token_hex(8))

    def signed_in_as(self, user: User) -> Actor:
        """Return this actor once it is known who it is."""
        return replace(self, user_id=user.id, name=user.email)
