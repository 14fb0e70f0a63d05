"""Own language: the one that a person chose to be written to in, in pages and mails."""

from __future__ import annotations

from sqlalchemy import update

from app.extensions import db
from app.models import User


def choose_language(user: User, language: str) -> None:
    """Set the language of a person's pages and mails, a word of `LANGUAGES`. Commits.

    Not recorded: it says nothing of a token or of who may do what, and a switch on every page would fill
    the ledger.
    """
    db.session.execute(update(User).where(User.id == user.id).values(locale=language))
    db.session.commit()
