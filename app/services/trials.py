"""Trials: try a server of the catalogue out, without anybody's token.

Nothing is changed and no token is sent, so nothing is recorded: the ledger tells what became of tokens and of
the catalogue. That somebody tried is in the log.
"""

from __future__ import annotations

import logging
from typing import Final

from app.extensions import db
from app.mcp import trial
from app.mcp.client import Remote
from app.mcp.egress import Egress
from app.mcp.trial import Trial
from app.services.actors import Actor
from app.services.call_slots import CallSlots
from app.services.servers import get_server

logger = logging.getLogger(__name__)

#: Whose slot a trial takes that nobody who is signed in asked for.
NOBODY: Final = 0


def try_server(server_id: int, *, egress: Egress, slots: CallSlots, actor: Actor) -> Trial:
    """Return what the server shows to whoever has no token. Waits for it, with no transaction open.

    Only what is in the catalogue can be tried, a disabled server too. Raises NotThereError and BusyError;
    nothing of the server's.
    """
    server = get_server(server_id)
    remote = Remote(server.url, server.transport, dict(server.extra_headers), None)
    probe_tool = server.probe_tool
    db.session.rollback()
    with slots.take(actor.user_id or NOBODY):
        logger.info("Trying a server", extra={"user_id": actor.user_id, "server_id": server_id})
        return trial.try_out(remote, egress, probe_tool=probe_tool)
