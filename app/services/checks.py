"""Checks: ask a server whether it takes a token, and remember what it said of a saved one."""

from __future__ import annotations

import time
from dataclasses import dataclass

from app import metrics
from app.extensions import db
from app.mcp import checks
from app.mcp.checks import Verdict
from app.models import User
from app.services.audit import Action, record
from app.services.token_marks import mark_checked
from app.services.uses import CHECK, Door, TokenSource, Typed, Use, begin_use


@dataclass(frozen=True)
class Checked:
    """What a check found, and of which token. `verdict.identity` is the server's word."""

    verdict: Verdict
    token_source: TokenSource


def check_token(user: User, server_id: int, typed: Typed | None, *, door: Door) -> Checked:
    """Check the typed token, else the saved one. Waits for the server, with no transaction open.

    Commits once before the token leaves and once at the end, each with one audit row or two. A rejected
    token may be checked again. Raises BusyError and what `begin_use` raises; nothing of the server's.
    """
    with door.slots.take(user.id):
        use = begin_use(user, server_id, typed, CHECK, door)
        verdict, milliseconds = ask(use, door)
    if use.saved:
        mark_checked(use.saved, verdict, user.id, use.server, door.actor)
    record_check(use, verdict, milliseconds, door)
    db.session.commit()
    return Checked(verdict, use.token_source)


def ask(use: Use, door: Door) -> tuple[Verdict, int]:
    """Return what the server shows of the use's token, and the milliseconds that took."""
    started = time.monotonic()
    verdict = checks.check(use.remote, use.without, door.egress, probe_tool=use.probe_tool)
    metrics.count_check(verdict.result)
    return verdict, round((time.monotonic() - started) * 1000)


def record_check(use: Use, verdict: Verdict, milliseconds: int, door: Door) -> None:
    """Add the event of a check to the transaction; the caller commits."""
    record(
        Action.TOKEN_CHECKED,
        door.actor,
        outcome=verdict.result,
        subject_user_id=use.user_id,
        server=use.server,
        details={"token_source": use.token_source, "reason": verdict.reason, "milliseconds": milliseconds},
    )
