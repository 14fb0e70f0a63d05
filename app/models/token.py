"""The token one person holds for one server, sealed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import UtcDateTime

CHECK_RESULTS: Final = ("accepted", "rejected", "not_proven", "unreachable")


def _where_not_null(column: str) -> dict[str, Any]:
    """Return the options of an index that holds the rows which have this at all, and none of the others."""
    return {f"{dialect}_where": text(f"{column} IS NOT NULL") for dialect in ("sqlite", "postgresql")}


class Token(Model):
    """A sealed token; at most one a person and server.

    The row is text: nothing here can unseal it, and loading it never tries.
    """

    __tablename__ = "mcp_auth_tokens"
    __table_args__ = (
        Index("idx_mcp_auth_tokens_user_server", "user_id", "mcp_server_id", unique=True),
        Index("idx_mcp_auth_tokens_user", "user_id"),
        Index("idx_mcp_auth_tokens_server", "mcp_server_id"),
        # `flask tokens status` counts rows by key.
        Index("idx_mcp_auth_tokens_key", "key_id"),
        # Where the tokens of each status stand (`app.services.token_ranges`). The first two have all that
        # decides it, so that tokens are counted without a look at their rows.
        Index(
            "idx_mcp_auth_tokens_address",
            *("mcp_server_id", "bound_url", "last_check_result", "expires_at", "unreadable_at"),
        ),
        Index(
            "idx_mcp_auth_tokens_check",
            *("last_check_result", "expires_at", "mcp_server_id", "bound_url", "unreadable_at"),
        ),
        Index("idx_mcp_auth_tokens_unreadable", "unreadable_at", **_where_not_null("unreadable_at")),
        # Reminders look for what ends soon.
        Index("idx_mcp_auth_tokens_expires", "expires_at", **_where_not_null("expires_at")),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    mcp_server_id: Mapped[int] = mapped_column(ForeignKey("mcp_servers.id", ondelete="CASCADE"))
    #: Fernet text of the versioned payload (`app.crypto.vault`).
    token_encrypted: Mapped[str] = mapped_column(Text)
    #: `...` and the last four characters; None for tokens under 16 characters.
    token_hint: Mapped[str | None] = mapped_column(String(7))
    #: The key it is sealed under (`encryption_keys.id`). No foreign key: a row outlives its key.
    key_id: Mapped[str] = mapped_column(String(16))
    #: The address it was saved for; another address of the server puts it on hold.
    bound_url: Mapped[str] = mapped_column(String(2048))
    #: Counts saves, from 1. A later step compares it, so that it never acts on a replaced token.
    revision: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    #: None: does not expire as far as its owner said.
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: When the token itself says that it ends (`exp` of a JWT): offered to its owner, trusted no further.
    stated_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: The last stage of which its owner was reminded: 14, 7 or 1 day before `expires_at`, or 0 for expired.
    reminded_days: Mapped[int | None] = mapped_column(Integer)
    #: Keyed digest that finds the same token saved twice by one person (`app.services.subkeys`).
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: When its owner last saved it; use, check and rotation leave it alone.
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: None: never sent.
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_check_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: One of `CHECK_RESULTS`; None: not checked since it was saved. A 401 to a use is `rejected` too.
    last_check_result: Mapped[str | None] = mapped_column(String(16))
    #: Why the last check ended so, a word of `app.mcp.checks`; None: no check did.
    last_check_reason: Mapped[str | None] = mapped_column(String(32))
    #: When a use first met it on hold; None: none did. Whether it *is* on hold, `bound_url` says.
    held_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: When an admin asked its owner to renew it; None: nobody did since it was saved.
    renew_asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: When unsealing it first failed; None: readable as far as we know.
    unreadable_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def version(self) -> str:
        """Return what names this very token (`version_of`)."""
        return version_of(self.id, self.revision)


def version_of(token_id: int, revision: int) -> str:
    """Return what names a token as it was saved: one in its place, or after it, has another.

    Both numbers: after a deletion the next one is revision 1 again, under another id.
    """
    return f"{token_id}.{revision}"
