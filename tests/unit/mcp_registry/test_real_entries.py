"""The 39 real entries of `tests/data/registry`: what each of them becomes, written out."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.mcp.catalogue import SSE, STARTER_CATALOGUE, Catalogue, ProposedServer
from app.mcp.egress import Egress
from app.mcp.registry import read_catalogue

DATA = Path(__file__).parents[2] / "data" / "registry"
PRODUCTION = Egress(allow=frozenset(), plain_http=False)
BEARER = "Authorization: Bearer {token}"
#: Said about a server that its entry says nothing about.
OPTIONAL = f"{BEARER}, may not need a token"

EXPECTED: dict[str, dict[str, str]] = {
    "ai.aliengiraffe__spotdb": {},
    "ai.exa__exa": {"https://mcp.exa.ai/mcp": f"Exa | {OPTIONAL}"},
    "ai.packmind__mcp-server": {"https://app.packmind.ai/mcp": f"Packmind | {BEARER}"},
    "ai.seltz__seltz-ai-seltz-mcp": {"https://mcp.seltz.ai/mcp": f"Seltz ai seltz | {BEARER}"},
    "ai.smithery__Aman-Amith-Shastry-scientific_computation_mcp": {
        "https://server.smithery.ai/@Aman-Amith-Shastry/scientific_computation_mcp/mcp": (
            f"Smithery · Aman Amith Shastry scientific computation | {BEARER}"
        )
    },
    "ai.waystation__monday": {"https://waystation.ai/monday/mcp": f"Waystation · monday | {OPTIONAL}"},
    "app.linear__linear": {"https://mcp.linear.app/mcp": f"Linear | {OPTIONAL}"},
    "app.thoughtspot__mcp-server": {
        "https://agent.thoughtspot.app/mcp": f"Thoughtspot | {OPTIONAL}",
        "https://agent.thoughtspot.app/bearer/mcp": f"Thoughtspot · bearer | {BEARER}",
    },
    "app.zenable__zenable": {"https://mcp.zenable.app/": f"Zenable | {OPTIONAL}"},
    "co.huggingface__hf-mcp-server": {
        "https://huggingface.co/mcp?login": f"Hugging Face · login | {OPTIONAL}",
        "https://huggingface.co/mcp": f"Hugging Face | {BEARER}",
    },
    "com.apify__apify-mcp-server": {"https://mcp.apify.com/": f"Apify | {BEARER}"},
    "com.cloudflare.mcp__mcp": {
        "https://docs.mcp.cloudflare.com/mcp": f"Cloudflare · docs | {OPTIONAL}",
        **{
            f"https://{part}.mcp.cloudflare.com/mcp": f"Cloudflare · {part} | Authentication: {{token}}"
            for part in (
                *("observability", "bindings", "builds", "radar", "containers", "browser", "logs"),
                *("ai-gateway", "autorag", "auditlogs", "dns-analytics", "dex", "casb", "graphql"),
            )
        },
    },
    "com.dillilabs.deva__dilli-email-validation-api-server": {
        "https://deva.dillilabs.com/mcp": "Dillilabs · dilli email validation api | X-DEVA-API-Key: {token}"
    },
    "com.fenetresurciel.verylongmcp__mcp-server-template-nodejs": {
        "https://verylongmcp.fenetresurciel.com": "Second server! | x-api-key: {token}"
    },
    "com.figma.mcp__mcp": {"https://mcp.figma.com/mcp": f"Figma MCP Server | {OPTIONAL}"},
    "com.gitlab__mcp": {"https://gitlab.com/api/v4/mcp": f"Gitlab | {OPTIONAL}"},
    "com.infobip__mcp": {
        **{
            f"https://mcp.infobip.com/{part}": f"Infobip · {part} | Authorization: App {{token}}"
            for part in (
                *("sms", "whatsapp", "viber", "rcs", "2fa", "people"),
                *("account-management", "application-entity"),
            )
        },
        "https://mcp.infobip.com/search": f"Infobip · search | {OPTIONAL}",
    },
    "com.microsoft__microsoft-learn-mcp": {
        "https://learn.microsoft.com/api/mcp": f"Microsoft Learn MCP | {OPTIONAL}"
    },
    "com.monday__monday.com": {"https://mcp.monday.com/mcp": f"Monday.com | {BEARER}"},
    "com.notion__mcp": {"https://mcp.notion.com/mcp": f"Notion | {OPTIONAL}"},
    "com.paypal.mcp__mcp": {"https://mcp.paypal.com/mcp": f"Paypal | {BEARER}"},
    "com.postman__postman-mcp-server": {
        "https://mcp.postman.com/mcp": f"Postman | {BEARER}",
        "https://mcp.postman.com/minimal": f"Postman · minimal | {BEARER}",
        "https://mcp.eu.postman.com/mcp": f"Postman · eu | {BEARER}",
        "https://mcp.eu.postman.com/minimal": f"Postman · eu minimal | {BEARER}",
    },
    "com.predictleads__mcp": {
        "https://mcp.predictleads.com/": (
            "PredictLeads | X-Api-Key: {token}, disabled: "
            "It wants 2 secrets (X-Api-Key, X-Api-Token); one can be sent."
        )
    },
    "com.statsig__statsig-mcp-server": {
        "https://api.statsig.com/v1/mcp": "Statsig | statsig-api-key: {token}"
    },
    "com.stripe__mcp": {"https://mcp.stripe.com": f"Stripe | {OPTIONAL}"},
    "com.vercel__vercel-mcp": {"https://mcp.vercel.com": f"Vercel | {OPTIONAL}"},
    "com.webflow__mcp": {"https://mcp.webflow.com/mcp": f"Webflow | {OPTIONAL}"},
    "io.cycloid.mcp__server": {
        "https://mcp.cycloid.io/mcp": (
            "Cycloid | X-CY-API-KEY: {token}, disabled: "
            "It needs the header X-CY-ORG, but its entry gives no value for it."
        )
    },
    "io.github.MindscapeHQ__mcp-server-raygun": {"https://api.raygun.com/v3/mcp": f"Raygun | {BEARER}"},
    "io.github.abhijitjavelin__javelin-guardrails-mcp-server": {
        "https://abhijitjavelin.github.io/javelin-guardrails-mcp-server/mcp": (
            "Abhijitjavelin · javelin guardrails | x-javelin-apikey: {token}"
        )
    },
    "io.github.domdomegg__airtable-mcp-server": {},
    "io.github.github__github-mcp-server": {"https://api.githubcopilot.com/mcp/": f"GitHub | {BEARER}"},
    "io.github.jfrog__jfrog-mcp-server": {
        "https://myPlatform.jfrog.github.io/mcp": f"JFrog Remote MCP Server | {OPTIONAL}"
    },
    "io.github.mia-platform__console-mcp-server": {
        "https://console.cloud.mia-platform.eu/console-mcp-server/mcp": f"Mia-platform · console | {BEARER}"
    },
    "io.github.microsoft__EnterpriseMCP": {
        "https://mcp.svc.cloud.microsoft/enterprise": f"Microsoft MCP Server for Enterprise | {OPTIONAL}"
    },
    "io.github.timescale__pg-aiguide": {
        "https://mcp.tigerdata.com/docs": f"Timescale · pg aiguide | {OPTIONAL}"
    },
    "io.github.youdotcom-oss__mcp": {"https://api.you.com/mcp": f"You.com Web Access & AI | {BEARER}"},
    "io.twelvelabs__twelvelabs-mcp-server": {"https://mcp.twelvelabs.io": "Twelvelabs | X-api-key: {token}"},
    "tools.ref__ref-tools-mcp": {"https://api.ref.tools/mcp": "Ref tools | X-Ref-Api-Key: {token}"},
}


def read(name: str) -> Catalogue:
    return read_catalogue((DATA / f"{name}.json").read_bytes(), PRODUCTION)


def servers_of(catalogue: Catalogue) -> list[ProposedServer]:
    return [server for entry in catalogue.entries for server in entry.servers]


def described(server: ProposedServer) -> str:
    words = f"{server.name} | {server.auth_header_name}: {server.auth_value_format}"
    if not server.token_required:
        words += ", may not need a token"
    return words if server.is_enabled else f"{words}, disabled: {server.disabled_reason}"


def test_the_table_has_every_file() -> None:
    assert sorted(EXPECTED) == sorted(path.stem for path in DATA.iterdir())


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_real_entry_becomes_what_the_table_says(name: str) -> None:
    servers = servers_of(read(name))

    assert {server.url: described(server) for server in servers} == EXPECTED[name]
    assert {server.registry_name for server in servers} <= {name.replace("__", "/")}
    assert all(server.transport != SSE and not server.extra_headers for server in servers)


@pytest.mark.parametrize("name", ["ai.aliengiraffe__spotdb", "io.github.domdomegg__airtable-mcp-server"])
def test_an_entry_of_packages_only_is_skipped_and_said(name: str) -> None:
    [skip] = read(name).skipped

    assert (skip.what, skip.why) == (
        name.replace("__", "/"),
        "it has only packages to run, no address to call",
    )


def test_an_unused_sse_remote_and_an_optional_header_are_listed_as_skipped() -> None:
    skipped = read("app.thoughtspot__mcp-server").skipped

    assert [(skip.what.removeprefix("app.thoughtspot/mcp-server "), skip.why) for skip in skipped] == [
        ("https://agent.thoughtspot.app/sse", "SSE is used only where there is no streamable HTTP"),
        ("https://agent.thoughtspot.app/bearer/sse", "SSE is used only where there is no streamable HTTP"),
        ("https://agent.thoughtspot.app/bearer/mcp: header X-TS-Host", "its entry gives no value for it"),
    ]


def test_help_and_example_come_from_the_header() -> None:
    [raygun] = servers_of(read("io.github.MindscapeHQ__mcp-server-raygun"))

    assert raygun.token_help is not None
    assert raygun.token_help.startswith("Raygun Personal Access Token (PAT)")
    assert raygun.token_help_url == "https://app.raygun.com/user/tokens"
    # Without "Bearer", which the format adds.
    assert raygun.token_placeholder == "YOUR_PAT_TOKEN"


def test_the_starter_catalogue_is_a_dozen_servers_ready_for_use() -> None:
    catalogue = read_catalogue(STARTER_CATALOGUE.read_bytes(), PRODUCTION)

    servers = servers_of(catalogue)
    assert len(servers) == 12
    assert catalogue.skipped == ()
    assert all(server.is_enabled for server in servers)
    assert len({server.name for server in servers}) == 12
    assert all(server.token_help_url for server in servers if server.token_required)


def test_the_starter_catalogue_has_the_addresses_and_headers_of_the_registry() -> None:
    known = {server.url: server for name in EXPECTED for server in servers_of(read(name))}

    for server in servers_of(read_catalogue(STARTER_CATALOGUE.read_bytes(), PRODUCTION)):
        registry = known[server.url]
        assert server.registry_name == registry.registry_name
        assert described(server).split(" | ")[1].removesuffix(", may not need a token") == (
            described(registry).split(" | ")[1].removesuffix(", may not need a token")
        )
