"""An entry of the catalogue: an MCP server reached by URL."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, CheckConstraint, Index, String, Text, event, true
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import UtcDateTime, sort_key

STREAMABLE_HTTP: Final = "streamable-http"
SSE: Final = "sse"
MAX_NAME_KEY_CHARS: Final = 400


class Server(Model):
    """One MCP server. Deleting it deletes everyone's token for it."""

    __tablename__ = "mcp_servers"
    __table_args__ = (
        CheckConstraint("transport IN ('streamable-http', 'sse')", name="transport"),
        Index("ix_mcp_servers_name_key_id", "name_key", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Short name for URLs and commands, unique: `[a-z0-9-]+`.
    slug: Mapped[str] = mapped_column(String(100), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    #: `name`, NFKC and case-folded: the order of every list.
    name_key: Mapped[str] = mapped_column(sort_key(MAX_NAME_KEY_CHARS))
    #: Name, slug and host, case-folded: what a search looks through.
    search_text: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="", server_default="")
    #: The address: the full URL, the only one a token saved for it may be sent to.
    url: Mapped[str] = mapped_column(String(2048))
    transport: Mapped[str] = mapped_column(
        String(16), default=STREAMABLE_HTTP, server_default=STREAMABLE_HTTP
    )
    auth_header_name: Mapped[str] = mapped_column(
        String(100), default="Authorization", server_default="Authorization"
    )
    #: The header's value with exactly one `{token}`.
    auth_value_format: Mapped[str] = mapped_column(
        String(200), default="Bearer {token}", server_default="Bearer {token}"
    )
    #: False: the server may answer without a token ("may not need a token").
    token_required: Mapped[bool] = mapped_column(default=True, server_default=true())
    #: Further headers, name → value. Never secret: everyone sees them.
    extra_headers: Mapped[dict[str, str]] = mapped_column(JSON, default=dict, server_default="{}")
    token_help_url: Mapped[str | None] = mapped_column(String(2048))
    token_help: Mapped[str | None] = mapped_column(Text)
    token_placeholder: Mapped[str | None] = mapped_column(String(200))
    #: A read-only tool that needs the token; None: a check can only compare with and without.
    probe_tool: Mapped[str | None] = mapped_column(String(200))
    is_enabled: Mapped[bool] = mapped_column(default=True, server_default=true())
    #: False: only for the people of the groups it names (`server_groups`); for nobody when it names none.
    for_everyone: Mapped[bool] = mapped_column(default=True, server_default=true())
    #: Why an import disabled it, in English for admins; None: no import did, or an admin has disabled it
    #: since. It stays when an admin enables the server, so that the next import leaves it enabled.
    disabled_reason: Mapped[str | None] = mapped_column(String(500))
    #: The registry entry it came from (`namespace/name`); None: added by hand.
    registry_name: Mapped[str | None] = mapped_column(String(200), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def host(self) -> str:
        """Return host and port of the address."""
        return host_in(self.url)


def host_in(address: str) -> str:
    """Return host and port of an address, as written. Any text has an answer: `urlsplit` refuses some."""
    return re.split(r"[/?#]", address.partition("://")[2], maxsplit=1)[0]


def search_key(text: str) -> str:
    """Return text as searches and orders compare it: NFKC, case-folded."""
    return unicodedata.normalize("NFKC", text).casefold()


@event.listens_for(Server, "before_insert")
@event.listens_for(Server, "before_update")
def set_search_columns(_mapper: Any, _connection: Any, server: Server) -> None:
    """Derive what lists sort and search by, whoever writes the row: no caller can forget it."""
    server.name_key = search_key(server.name)[:MAX_NAME_KEY_CHARS]
    server.search_text = search_key(f"{server.name} {server.slug} {server.host}")
