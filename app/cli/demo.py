"""The demo: a person, a server and a token made up for a trial, remembered in one file."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from app.cli.acting import acting
from app.cli.dotenv_file import write_private
from app.mcp.catalogue import STARTER_CATALOGUE, Catalogue, Entry, ProposedServer, join_catalogues
from app.mcp.egress import Egress
from app.mcp.registry import read_catalogue
from app.models.user import INVITED
from app.services import accounts, one_time_links, servers
from app.services.invitations import renew_invitation
from app.services.server_import import import_entries

EMAIL: Final = "demo@example.com"
HOST: Final = "127.0.0.1"
FILE_NAME: Final = "quickstart.json"
#: Its identity in the catalogue, so that another port changes the server instead of adding one.
REGISTRY_NAME: Final = "local.mcp-market/demo"


@dataclass(frozen=True)
class Demo:
    """What a person needs to try it, and a test to do it for them. `url` is the app's."""

    url: str
    email: str
    password: str = field(repr=False)
    demo_server_id: int
    demo_url: str
    demo_token: str = field(repr=False)


def demo_address(port: int) -> str:
    """Return the demo server's `host:port`, as `EGRESS_ALLOW` lists it."""
    return f"{HOST}:{port}"


def read_demo(instance: Path) -> dict[str, Any]:
    """Return what the file says; empty when there is none, or none that can be read."""
    try:
        known = json.loads((instance / FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def set_up_demo(instance: Path, *, url: str, demo_port: int, egress: Egress) -> tuple[Demo, int]:
    """Make what is missing of the demo, keep the rest, and write the file, mode 0600.

    Returns the demo, and how many saved tokens are on hold since its address changed. Commits several
    times: running it again completes what an interruption left.
    """
    known = read_demo(instance)
    password = _person(_text(known, "password"))
    demo_url = f"http://{demo_address(demo_port)}/mcp"
    server_id, held = _catalogue(demo_url, egress)
    token = _text(known, "demo_token") or f"demo-{secrets.token_urlsafe(24)}"
    demo = Demo(url, EMAIL, password, server_id, demo_url, token)
    write_private(instance / FILE_NAME, json.dumps(asdict(demo), indent=2) + "\n")
    return demo, held


def _text(known: dict[str, Any], name: str) -> str | None:
    value = known.get(name)
    return value if isinstance(value, str) and value else None


def _person(password: str | None) -> str:
    """Make the person unless they are there; return their password, a new one if nobody knows it."""
    actor = acting()
    fresh = password or secrets.token_urlsafe(12)
    if accounts.find_user(EMAIL) is None:
        accounts.create_account(EMAIL, fresh, actor)
    elif password is None:
        # However it was left: quickstart prints what one can sign in with.
        accounts.set_active(EMAIL, True, actor)
        user = accounts.get_user(EMAIL)
        open_link = renew_invitation if user.state == INVITED else one_time_links.open_password_reset
        one_time_links.set_password(open_link(user.id, actor).code, fresh, actor)
    return fresh


def _catalogue(demo_url: str, egress: Egress) -> tuple[int, int]:
    """Import the demo server, and into an empty catalogue the starter one too.

    Returns the demo server's id and how many tokens were put on hold.
    """
    demo = ProposedServer(
        name="Demo server",
        url=demo_url,
        registry_name=REGISTRY_NAME,
        description="A small MCP server on this machine, to try things on.",
        token_help="Its token is the last line that flask quickstart prints.",
    )
    wanted = [Catalogue((Entry(REGISTRY_NAME, (demo,)),), ())]
    if not servers.list_servers():
        # Only then: what a person has deleted does not come back.
        wanted.append(read_catalogue(STARTER_CATALOGUE.read_bytes(), egress))
    report = import_entries(join_catalogues(wanted), acting())
    found = next(server.id for server in servers.list_servers() if server.registry_name == REGISTRY_NAME)
    return found, report.held
