"""The guide to deployment and its files keep their word, and fit the app and each other."""

from __future__ import annotations

import re
import runpy

import pytest

from app.mcp.client import TIMEOUT_SECONDS
from app.web.large_bodies import MAX_BODY_BYTES
from config import ROOT, SETTINGS
from tests.web.test_metrics import LABELS

FOLDER = ROOT / "docs" / "deployment"
GUIDE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
SERVICES = sorted(FOLDER.glob("*.service"))
#: What a process that guards secrets has no use for.
HARDENED = {
    *("NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "LimitCORE=0", "MemorySwapMax=0"),
    *("CapabilityBoundingSet=", "PrivateTmp=yes", "PrivateDevices=yes", "MemoryDenyWriteExecute=yes"),
    *("RestrictNamespaces=yes", "SystemCallFilter=@system-service", "UMask=0077"),
}


def text_of(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def seconds_of(name: str, pattern: str) -> int:
    found = re.search(pattern, text_of(name), re.MULTILINE)
    assert found, f"{name} does not say {pattern}"
    return int(found[1])


def test_every_file_that_the_guide_names_is_there_and_each_of_the_folder_is_named() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", GUIDE)

    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
    assert {path.name for path in FOLDER.iterdir() if path.is_file()} <= {
        link.split("/")[-1] for link in links
    }


def test_every_setting_of_the_guide_is_one() -> None:
    names = {name.removesuffix("_FILE") for name in re.findall(r"^    ([A-Z_]+)=", GUIDE, re.MULTILINE)}

    assert names
    assert names <= {setting.name for setting in SETTINGS}


def test_the_guide_explains_every_figure_that_is_told() -> None:
    suffixes = r"_(bucket|count|sum)$"
    names = {re.sub(suffixes, "", name).removeprefix("mcp_market_") for name in LABELS}

    table = GUIDE[GUIDE.index("| `mcp_market_…`") : GUIDE.index("No label names a person")]
    # `…_allowed` stands beside its neighbour.
    told = table.replace("`…_allowed`", "`database_connections_allowed`")
    assert [name for name in names if f"`{name}`" not in told] == []


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_no_unit_has_more_rights_than_it_needs(path: object) -> None:
    lines = set(text_of(path.name).splitlines())  # type: ignore[attr-defined]

    assert HARDENED - lines == set()


def test_nobody_hangs_up_on_a_call_that_may_still_take_its_time() -> None:
    gunicorn = runpy.run_path(str(FOLDER / "gunicorn.conf.py"))
    proxies = [
        seconds_of("nginx.conf", r"^\s*proxy_read_timeout\s+(\d+)s;"),
        seconds_of("Caddyfile", r"^\s*response_header_timeout (\d+)s"),
    ]
    stop = seconds_of("mcp-market.service", r"^TimeoutStopSec=(\d+)")

    # The playground asks a server for its tools, and then for one of them.
    assert min(proxies) >= 2 * TIMEOUT_SECONDS + 10
    assert 2 * TIMEOUT_SECONDS < gunicorn["graceful_timeout"] < stop
    slots = next(setting.default for setting in SETTINGS if setting.name == "CALL_SLOTS")
    pool = next(setting.default for setting in SETTINGS if setting.name == "DATABASE_POOL_SIZE")
    assert (str(gunicorn["threads"] // 2), str(gunicorn["threads"])) == (slots, pool)


def test_each_proxy_lets_the_largest_catalogue_in() -> None:
    sizes = [
        seconds_of("nginx.conf", r"^\s*client_max_body_size (\d+)m;") * 1024**2,
        seconds_of("Caddyfile", r"^\s*max_size (\d+)MiB") * 1024**2,
    ]

    assert min(sizes) >= MAX_BODY_BYTES


def test_nginx_takes_no_forwarding_header_over_and_logs_no_secret() -> None:
    text = text_of("nginx.conf")
    servers = re.findall(r"^server \{.*?^\}", text, re.MULTILINE | re.DOTALL)

    assert len(servers) == 2
    assert all(re.search(r"^\s*access_log (off|\S+ mcp_market);", server, re.MULTILINE) for server in servers)
    logged = text[text.index("log_format") : text.index("server {")]
    assert not re.findall(r"\$(request_uri|request\b|args|query_string|http_referer|uri\b)", logged)
    for name in ("For   $remote_addr", "Proto $scheme", "Host  $host"):
        assert text.count(f"X-Forwarded-{name};") == text.count("proxy_pass ")
