"""Acting: who acts when a command runs, with the ledger ready for it."""

from __future__ import annotations

from flask import current_app

from app.services.actors import Actor


def acting() -> Actor:
    """Return the actor of this command, after seeing to the ledger's key. Commits when it makes one."""
    current_app.extensions["audit_key"].prepare()
    return Actor.of_cli()
