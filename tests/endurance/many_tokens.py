"""Many saved tokens at once: sealed as the service seals them, written in one go."""

from __future__ import annotations

from app import clock
from app.crypto.vault import Place, Sealed, Vault
from app.extensions import db
from app.models import Server, Token
from app.services.rotation import BATCH_SIZE, batches, place_of
from app.services.token_input import hint_of
from tests.factories import make_user


def token_text(number: int) -> str:
    """Return the plaintext of the token with this number."""
    return f"tok_{number:06d}_Zk3v9Qm7Lw2Xr8Ty5"


def add_tokens(vault: Vault, count: int, *, people: int = 10) -> None:
    """Add people and servers with one token a pair, `count` in all, in one transaction each."""
    users = [make_user(f"person-{number}@example.com").id for number in range(people)]
    now = clock.now()
    names = [f"server {number}" for number in range(count // people)]
    db.session.add_all(
        Server(
            slug=name.replace(" ", "-"),
            name=name,
            url=f"https://{name.replace(' ', '-')}.example.com/mcp",
            extra_headers={},
            created_at=now,
            updated_at=now,
        )
        for name in names
    )
    db.session.commit()
    servers = db.session.execute(db.select(Server.id, Server.url).order_by(Server.id)).all()
    rows = []
    for user_id in users:
        for server in servers:
            text = token_text(len(rows))
            sealed = vault.seal(text, Place(user_id, server.id, server.url))
            rows.append(
                {
                    "user_id": user_id,
                    "mcp_server_id": server.id,
                    "token_encrypted": sealed.text,
                    "token_hint": hint_of(text),
                    "key_id": sealed.key_id,
                    "bound_url": server.url,
                    "created_at": now,
                    "updated_at": now,
                }
            )
    db.session.execute(db.insert(Token), rows)
    db.session.commit()


def plaintexts(vault: Vault) -> list[str]:
    """Return every plaintext, by row id. Raises for a row that cannot be read."""
    found: list[str] = []
    for rows in batches(BATCH_SIZE):
        found += [vault.unseal(Sealed(row.token_encrypted, row.key_id), place_of(row)) for row in rows]
    return found
