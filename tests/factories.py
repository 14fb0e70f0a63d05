"""Rows for tests, made by plain functions inside an app context."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import current_app
from sqlalchemy import func, select

from app import clock
from app.extensions import db
from app.models import Group, Server, ServerGroup, Token, User
from app.services import accounts, groups, one_time_links, tokens
from app.services.actors import Actor
from app.services.tokens import NewToken
from tests.canary import CANARY

PASSWORD = "correct horse battery"
ACTOR = Actor(None, "tests", "192.0.2.1", "Firefox on Linux", "test-request")


def make_user(email: str = "ann@example.com", *, admin: bool = False) -> User:
    """Create a person whose password is `PASSWORD`."""
    return accounts.create_account(email, PASSWORD, ACTOR, admin=admin)


def all_users() -> list[User]:
    """Return everyone, by e-mail."""
    return list(db.session.scalars(select(User).order_by(User.email)))


def make_password_link(email: str) -> str:
    """Return the code of a new link with which this person sets a password."""
    return one_time_links.open_password_reset(accounts.get_user(email).id, ACTOR).code


def make_server(name: str = "GitHub", **columns: Any) -> Server:
    """Add a server at an address of its own, where nothing answers."""
    number = (db.session.scalar(select(func.max(Server.id))) or 0) + 1
    now = clock.now()
    given = {"slug": f"server-{number}", "url": f"https://mcp-{number}.example.com/mcp", "extra_headers": {}}
    server = Server(name=name, created_at=now, updated_at=now, **given | columns)
    db.session.add(server)
    db.session.commit()
    return server


def make_token(user: User, server: Server, text: str = CANARY, **columns: Any) -> Token:
    """Save a token, by default the canary, through the service; then set columns that it does not."""
    new = NewToken(text)
    tokens.save_token(user, server.id, new, keys=current_app.extensions["keys"], actor=ACTOR)
    token = db.session.scalars(
        select(Token).where(Token.user_id == user.id, Token.mcp_server_id == server.id)
    ).one()
    for name, value in columns.items():
        setattr(token, name, value)
    db.session.commit()
    return token


def make_group(name: str = "Team", people: Iterable[User] = (), servers: Iterable[Server] = ()) -> Group:
    """Create a group of these people; these servers are then there for it, and for nobody else."""
    group = groups.create_group(name, ACTOR)
    for person in people:
        groups.add_member(group.id, person.id, ACTOR)
    for server in servers:
        db.session.execute(db.update(Server).where(Server.id == server.id).values(for_everyone=False))
        db.session.add(ServerGroup(group_id=group.id, mcp_server_id=server.id))
    db.session.commit()
    return group
