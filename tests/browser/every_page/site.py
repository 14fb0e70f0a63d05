"""A site that looks lived in: a dozen servers that people know, every state of a token, groups, people."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import pyotp
from flask import current_app

from app import clock
from app.extensions import db
from app.models import Server, Token, User
from app.services import invitations, renewals, sessions, totp
from app.services.sign_in import Visitor
from app.services.storing import set_storing
from tests.browser.live_site import LiveSite, live_site
from tests.factories import (
    ACTOR,
    PASSWORD,
    make_group,
    make_password_link,
    make_server,
    make_token,
    make_user,
)
from tests.mcp_servers.good import TOKEN
from tests.mcp_servers.running import Running

#: Who looks at pages. `DOMAIN` follows each of them.
DOMAIN: Final = "example.com"
STRANGER: Final = ""
OWNER: Final = "minji.kim"
NEWCOMER: Final = "jonas.weber"
CAREFUL: Final = "amara.okafor"
AUDITOR: Final = "auditor"
ADMIN: Final = "admin"
#: Who signs in with a code; and those whom the admin's pages are about.
WITH_CODE: Final = "seoyeon.park"
LEAVER: Final = "leaver"
GONE: Final = "former.colleague"
INVITED: Final = "new.colleague"
#: Name → address.
SERVERS: Final = {
    "Cloudflare": "https://docs.mcp.cloudflare.com/mcp",
    "Context7": "https://mcp.context7.com/mcp",
    "Figma": "https://mcp.figma.com/mcp",
    "GitHub": "https://api.githubcopilot.com/mcp/",
    "Hugging Face": "https://huggingface.co/mcp",
    "Infobip SMS": "https://mcp.infobip.com/sms",
    "Linear": "https://mcp.linear.app/mcp",
    "Notion": "https://mcp.notion.com/mcp",
    "PayPal": "https://mcp.paypal.com/mcp",
    "Sentry": "https://mcp.sentry.dev/mcp",
    "Stripe": "https://mcp.stripe.com",
    "Vercel": "https://mcp.vercel.com",
    "Webflow": "https://mcp.webflow.com/mcp",
}
FORMER: Final = "https://sentry.example.com/mcp"
TRACKER: Final = "Issue tracker"
#: Of this machine, where nothing answers.
SILENT: Final = "127.0.0.1:9"


@dataclass(frozen=True)
class Lived:
    """A site that is being served, and what stands for the names in the paths of its pages."""

    site: LiveSite
    facts: dict[str, Any]


@contextmanager
def lived_in_site(database_url: str, tracker: Running) -> Iterator[Lived]:
    """Serve it until the block ends."""
    with live_site(database_url, allow=(tracker.host_port, SILENT)) as site:
        with site.app.app_context():
            facts = _fill(tracker)
        yield Lived(site, facts)


def email_of(who: str) -> str:
    return f"{who}@{DOMAIN}"


def _fill(tracker: Running) -> dict[str, Any]:
    """Fill the database; return ids and codes by the names that stand in paths."""
    servers = {name: _server(name, url) for name, url in SERVERS.items()}
    servers[TRACKER] = _server(TRACKER, tracker.url, token_help_url="https://tracker.example.com/tokens")
    servers["Wiki"] = _server("Wiki", f"http://{SILENT}/mcp", token_required=False)
    people = {
        who: make_user(email_of(who), admin=who == ADMIN)
        for who in (OWNER, NEWCOMER, CAREFUL, AUDITOR, ADMIN, WITH_CODE, LEAVER, GONE)
    }
    people[AUDITOR].role = "auditor"
    people[GONE].is_active = False
    db.session.commit()
    _save_in_every_state(people[OWNER], servers)
    for who, names in ((CAREFUL, ("GitHub", "Notion")), (LEAVER, ("GitHub", "Linear")), (ADMIN, ("GitHub",))):
        for name in names:
            make_token(people[who], servers[name], _token(name))
    set_storing(people[CAREFUL], False, ACTOR)
    design = make_group("Design", [people[OWNER], people[NEWCOMER]], [servers["Figma"]])
    make_group("Payments, 결제", [people[ADMIN]], [servers["PayPal"], servers["Webflow"]])
    _sign_in_elsewhere(people[OWNER])
    _turn_on_code(people[WITH_CODE])
    link, _ = invitations.invite(email_of(INVITED), "user", ACTOR)
    ids = {f"user_{who.partition('.')[0]}": person.id for who, person in people.items()}
    numbers = {name.partition(" ")[0].lower(): server.id for name, server in servers.items()}
    return {
        **ids,
        **numbers,
        "group": design.id,
        "user_invited": link.user_id,
        "invitation": link.code,
        "reset": make_password_link(email_of(LEAVER)),
    }


def _server(name: str, url: str, **columns: Any) -> Server:
    slug = name.lower().replace(" ", "-")
    given = {"token_help_url": f"https://{slug}.example.com/settings/tokens"}
    if name == "Context7":
        given["token_required"] = False
    if name == "GitHub":
        given |= {
            "description": "Repositories, issues, pull requests and code search.",
            "token_help": "A fine-grained personal access token, for the repositories that you work on.",
            "token_placeholder": "github_pat_…",
        }
    return make_server(name, slug=slug, url=url, **given | columns)


def _token(name: str) -> str:
    """Return a made-up token; its end is the hint."""
    slug = name.replace(" ", "-").lower()
    return f"made-up-token-of-{slug}-{zlib.crc32(slug.encode()):08x}"


def _save_in_every_state(person: User, servers: dict[str, Server]) -> None:
    """Save tokens for one person: one is in each of the states, and one each was let be by its admin."""
    now = clock.now()
    days = timedelta(days=1)
    checked = {"last_check_at": now - timedelta(hours=5)}
    accepted = {**checked, "last_check_result": "accepted", "last_check_reason": "proven"}
    rejected = {**checked, "last_check_result": "rejected", "last_check_reason": "refused"}
    states: dict[str, dict[str, Any]] = {
        "Figma": {"token_encrypted": "damaged", "unreadable_at": now - days},
        "GitHub": {"expires_at": now + 5.5 * days, "last_used_at": now - timedelta(hours=2), **accepted},
        "Hugging Face": {"last_used_at": now - timedelta(hours=2), **accepted},
        "Infobip SMS": {"expires_at": now - 2 * days},
        "Linear": {"last_used_at": now - 3 * days, **rejected},
        "Notion": {"updated_at": now - 120 * days, "created_at": now - 120 * days},
        "Sentry": {"bound_url": FORMER, "last_used_at": now - 3 * days},
        "Stripe": {"expires_at": now + 200 * days, "last_used_at": now - 40 * days, **accepted},
        "Vercel": {},
        "Webflow": {},
        TRACKER: {"last_used_at": now - timedelta(minutes=9), **accepted},
    }
    for number, (name, columns) in enumerate(states.items()):
        given = {"updated_at": now - (10 + 7 * number) * days} | columns
        make_token(person, servers[name], TOKEN if name == TRACKER else _token(name), **given)
    servers["Vercel"].is_enabled = False
    servers["Vercel"].disabled_reason = "The provider shuts it down at the end of the month."
    db.session.commit()
    keys = current_app.extensions["keys"]
    renewals.ask_to_renew(person.id, servers["Notion"].id, None, keys=keys, actor=ACTOR, send=None)


def _sign_in_elsewhere(person: User) -> None:
    """Two sessions besides the one that looks; the second is of a browser that was not seen before."""
    for agent, address in (("Firefox on Linux", "192.0.2.1"), ("Safari on iOS", "198.51.100.7")):
        sessions.start_session(person, replace(ACTOR, agent=agent, client_address=address))


def _turn_on_code(person: User) -> None:
    keys, visitor = current_app.extensions["keys"], Visitor(ACTOR)
    sessions.start_session(person, ACTOR)
    totp.start_enrolment(person, PASSWORD, keys=keys, visitor=visitor)
    code = pyotp.TOTP(totp.app_secret_of(person, keys).text).now()
    totp.confirm_enrolment(person, code, keys=keys, actor=ACTOR)


def forget_all_servers(site: LiveSite) -> None:
    """Empty the catalogue, as it is before an admin has come by."""
    with site.app.app_context():
        for model in (Token, Server):
            db.session.execute(db.delete(model))
        db.session.commit()
