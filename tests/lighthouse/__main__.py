"""Measure pages with Lighthouse: `make lighthouse`, or `npm ci` here and `python -m tests.lighthouse`.

Prints a table, and ends with 1 when a score is under 95. The app runs under gunicorn on this machine; neither
Lighthouse nor its Chromium reaches, or tries to reach, any other.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from app import create_app
from app.extensions import db
from app.models import Server
from tests import databases
from tests.factories import PASSWORD, make_server, make_token, make_user

ROOT: Final = Path(__file__).resolve().parents[2]
LIGHTHOUSE: Final = Path(__file__).resolve().parent / "node_modules" / "lighthouse" / "cli" / "index.js"
EMAIL: Final = "you@example.com"
ROWS: Final = 50
LEAST: Final = 95
#: Whatever else a machine does makes a page slower and never quicker, so that the best of a few runs counts.
RUNS: Final = 3
START_SECONDS: Final = 30
CATEGORIES: Final = ("performance", "accessibility", "best-practices")
#: Name → path, and whether somebody is signed in.
PAGES: Final = {
    "sign-in": ("/login", False),
    f"tokens, {ROWS} rows": ("/settings/tokens", True),
    "playground": ("/playground/1", True),
}
#: No name resolves but that of this machine, so that no update, report or suggestion is asked for.
CHROME_FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules='MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'",
)


def main() -> int:
    """Return 0 when every score is 95 or more."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium or not shutil.which("node") or not LIGHTHOUSE.exists():
        sys.stderr.write("Lighthouse needs node, Chromium and `npm ci` in tests/lighthouse.\n")
        return 2
    with tempfile.TemporaryDirectory() as name, served(Path(name)) as url:
        cookie = sign_in(url)
        reports = {
            page: measure_best(url + path, Path(name), chromium, cookie if is_signed_in else None)
            for page, (path, is_signed_in) in PAGES.items()
        }
    print_table(reports)
    return 0 if all(min(scores_of(report)) >= LEAST for report in reports.values()) else 1


def scores_of(report: dict[str, Any]) -> list[int]:
    """Return a report's scores, in the order of `CATEGORIES`."""
    return [round(100 * (report["categories"][one]["score"] or 0)) for one in CATEGORIES]


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a site with as many tokens as a page has rows, under gunicorn; yield its address."""
    template = databases.sqlite_template(folder)
    os.environ |= {
        "APP_ENV": "development",
        "INSTANCE_PATH": str(folder),
        "DATABASE_URL": f"sqlite:///{template}",
        "LOG_LEVEL": "error",
    }
    app = create_app()
    with app.app_context():
        fill()
    databases.dispose(app)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "-k", "gthread", "--threads", "8"]
    gunicorn = subprocess.Popen(
        [*command, "--log-level", "error", "-b", f"127.0.0.1:{port}", "wsgi:app"], cwd=ROOT
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz")
        yield f"http://127.0.0.1:{port}"
    finally:
        gunicorn.terminate()
        gunicorn.wait(timeout=10)


def fill() -> None:
    """Make a person, servers, and a token for each."""
    person = make_user(EMAIL)
    for number in range(1, ROWS + 1):
        help_url = f"https://server-{number}.example.com/settings/tokens"
        make_token(
            person, make_server(f"Server {number}", token_help_url=help_url), f"made-up-token-{number:08}"
        )
    assert len(db.session.scalars(db.select(Server)).all()) == ROWS


def wait_for(url: str) -> None:
    """Return once it answers. Raises the last failure after `START_SECONDS`."""
    last = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - an address of ours
        except OSError:
            if time.monotonic() > last:
                raise
            time.sleep(0.1)
        else:
            return


def sign_in(url: str) -> str:
    """Return the cookie of a session that has just begun."""
    body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
    request = urllib.request.Request(  # noqa: S310 - an address of ours
        f"{url}/api/session", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        cookies = answer.headers.get_all("Set-Cookie")
    return "; ".join(cookie.partition(";")[0] for cookie in cookies)


def measure_best(url: str, folder: Path, chromium: str, cookie: str | None) -> dict[str, Any]:
    """Return the first report that is good enough, else the best of `RUNS`."""
    reports: list[dict[str, Any]] = []
    for _ in range(RUNS):
        reports.append(measure(url, folder, chromium, cookie))
        if min(scores_of(reports[-1])) >= LEAST:
            break
    return max(reports, key=lambda report: min(scores_of(report)))


def measure(url: str, folder: Path, chromium: str, cookie: str | None) -> dict[str, Any]:
    """Return Lighthouse's report: a middling phone on slow 4G, which is its default."""
    report, headers = folder / "report.json", folder / "headers.json"
    # In a file: what is on a command line, every process may read.
    headers.write_text(json.dumps({"Cookie": cookie} if cookie else {}), encoding="utf-8")
    options = [
        "--quiet",
        "--no-enable-error-reporting",
        f"--only-categories={','.join(CATEGORIES)}",
        f"--extra-headers={headers}",
        f"--chrome-flags={' '.join(CHROME_FLAGS)}",
        "--output=json",
        f"--output-path={report}",
    ]
    environment = os.environ | {"CHROME_PATH": chromium, "CI": "1"}
    subprocess.run(["node", str(LIGHTHOUSE), url, *options], check=True, env=environment, cwd=folder)
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    assert found["finalDisplayedUrl"] == url, f"{url} led to {found['finalDisplayedUrl']}"
    return found


def print_table(reports: dict[str, dict[str, Any]]) -> None:
    """Print scores and times, and below what cost points."""
    out = sys.stdout.write
    out(
        f"{'page':<18}{''.join(f'{one:>16}' for one in CATEGORIES)}{'FCP':>8}{'LCP':>8}{'TBT':>8}{'CLS':>7}\n"
    )
    for page, report in reports.items():
        names = ("first-contentful-paint", "largest-contentful-paint", "total-blocking-time")
        times = [f"{report['audits'][name]['numericValue'] / 1000:.2f}s" for name in names]
        shift = f"{report['audits']['cumulative-layout-shift']['numericValue']:.3f}"
        row = [f"{score:>16}" for score in scores_of(report)] + [f"{one:>8}" for one in times]
        out(f"{page:<18}{''.join(row)}{shift:>7}\n")
    for page, report in reports.items():
        for one in CATEGORIES:
            for reference in report["categories"][one]["auditRefs"]:
                audit = report["audits"][reference["id"]]
                if reference["weight"] and audit["score"] is not None and audit["score"] < 0.9:
                    out(f"{page}, {one}: {audit['title']} ({audit['score']:.2f})\n")


if __name__ == "__main__":
    sys.exit(main())
