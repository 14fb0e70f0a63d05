"""What those see who run the installation: catalogue, people, groups, tokens, encryption, ledger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from tests.browser.every_page.shown import Shown, Visit, seen_by, sent
from tests.browser.every_page.site import ADMIN, AUDITOR, OWNER, email_of, forget_all_servers
from tests.factories import PASSWORD

REGISTRY: Final = Path(__file__).resolve().parents[2] / "data" / "registry"
#: Some that are new, one that asks for what is missing, and one that no catalogue takes.
IMPORTED: Final = (
    "com.gitlab__mcp.json",
    "com.webflow__mcp.json",
    "io.cycloid.mcp__server.json",
    "ai.smithery__Aman-Amith-Shastry-scientific_computation_mcp.json",
    "io.github.domdomegg__airtable-mcp-server.json",
    "com.infobip__mcp.json",
)
MOVED: Final = "https://mcp.eu.linear.app/mcp"
TRYING: Final = "main form[action$='/try']"


def review(visit: Visit) -> None:
    entries = [json.loads((REGISTRY / name).read_text(encoding="utf-8")) for name in IMPORTED]
    visit.send(text=json.dumps({"servers": entries}))


def empty_catalogue(visit: Visit) -> None:
    forget_all_servers(visit.lived.site)
    visit.page.reload()


def person(name: str, act: str = "") -> str:
    return f"/admin/users/{{user_{name}}}{act}"


CATALOGUE: Final = seen_by(
    ADMIN,
    Shown("servers", "/admin/servers"),
    Shown("servers, nothing found", "/admin/servers?q=nothing-of-this-name"),
    Shown("server", "/admin/servers/{github}"),
    Shown("server, disabled", "/admin/servers/{vercel}"),
    Shown("server, without a name", "/admin/servers/{github}", sent("form.sections", name="")),
    Shown("server that would hold tokens", "/admin/servers/{linear}", sent("form.sections", url=MOVED)),
    Shown("server, tried", "/admin/servers/{issue}", sent(TRYING, "button")),
    Shown("server, tried in vain", "/admin/servers/{wiki}", sent(TRYING, "button")),
    Shown("server, who may use it", "/admin/servers/{figma}/groups"),
    Shown("new server", "/admin/servers/new"),
    Shown("new server, nothing filled in", "/admin/servers/new", sent()),
    Shown("delete a server", "/admin/servers/{github}/delete"),
    Shown("delete a server, not named", "/admin/servers/{github}/delete", sent()),
    Shown("import", "/admin/servers/import"),
    Shown("import, nothing given", "/admin/servers/import", sent()),
    Shown("import, reviewed", "/admin/servers/import", review),
)
PEOPLE: Final = seen_by(
    ADMIN,
    Shown("people", "/admin/users"),
    Shown("people, nobody found", "/admin/users?q=nobody-of-this-name"),
    Shown("person", person("minji")),
    Shown("person, disabled", person("former")),
    Shown("person, invited", person("invited")),
    Shown("invite", "/admin/users/invite"),
    Shown("invite, refused", "/admin/users/invite", sent(email="nowhere", password="")),
    Shown("invite, the link", "/admin/users/invite", sent(email=email_of("one.more"), password=PASSWORD)),
    Shown("invite again", person("invited", "/invitation")),
    Shown("mail a password link", person("minji", "/password-link")),
    Shown("role", person("minji", "/role")),
    Shown("role, wrong password", person("minji", "/role"), sent(password="not the password")),
    Shown("require a second factor", person("minji", "/totp")),
    Shown("reset a second factor", person("seoyeon", "/reset-totp")),
    Shown("sign somebody out", person("minji", "/sign-out")),
    Shown("disable a person", person("minji", "/disable")),
    Shown("enable a person", person("former", "/enable")),
    Shown("delete a person", person("leaver", "/delete")),
    Shown("a person was deleted", person("leaver", "/delete"), sent(password=PASSWORD)),
)
OVERSIGHT: Final = seen_by(
    ADMIN,
    Shown("groups", "/admin/groups"),
    Shown("groups, refused", "/admin/groups", sent(name="")),
    Shown("group", "/admin/groups/{group}"),
    Shown("group, somebody unknown", "/admin/groups/{group}", sent(email="nobody@example.com")),
    Shown("delete a group", "/admin/groups/{group}/delete"),
    Shown("tokens of everyone", "/admin/tokens"),
    Shown("tokens of one person", "/admin/tokens?person={user_minji}"),
    Shown("tokens of one server", "/admin/tokens?server={github}"),
    Shown("tokens, looked for", "/admin/tokens?q=n"),
    Shown("tokens of everyone, nothing found", "/admin/tokens?q=nothing-of-this-name"),
    Shown("delete somebody's token", "/admin/tokens/{user_minji}/{github}/delete"),
    Shown("encryption", "/admin/encryption"),
    Shown("ledger", "/admin/audit"),
    Shown("ledger, nothing found", "/admin/audit?actor=nobody"),
)
FOR_AUDITORS: Final = seen_by(AUDITOR, Shown("ledger, as an auditor", "/admin/audit"))
#: After these the site is not lived in any more.
EMPTY: Final = (
    *seen_by(
        ADMIN,
        Shown("servers, none yet", "/admin/servers", empty_catalogue),
        Shown("tokens of everyone, none", "/admin/tokens"),
    ),
    *seen_by(
        OWNER,
        Shown("tokens, no servers yet", "/settings/tokens"),
        Shown("playground, no servers yet", "/playground"),
    ),
)
