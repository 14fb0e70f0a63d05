"""4. Pages: Settings → Tokens with 50 rows, against a static table with the very same rows.

Floor: the page's own HTML made into a template in which what differs between rows comes from plain values;
rendered by Jinja, served by a bare Flask app with no session, person, database, translation or state. Queries
are counted with 50 servers and with 1,050.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import sqlalchemy as sa
from flask import Flask, render_template
from flask.testing import FlaskClient

from app.extensions import db
from tests.benchmarks.harness import Contest
from tests.benchmarks.sites import SERVERS, Site, add_servers

PAGE = "/settings/tokens"
MORE_SERVERS = 1000
RECORDED = {"sqlite": 0.17, "postgresql": 0.12}
ROW = re.compile(r'<tr class="row.*?</tr>', re.DOTALL)
#: What of a row is its own, and how it is found there.
OWN = {
    "url": r'name="address" value="(.*?)"',
    "host": r'class="host">(.*?)<',
    "name": r"<bdi>(.*?)</bdi>",
    "hint": r'class="hint">(.*?)<',
    "iso": r'datetime="(.*?)"',
    "moment": r'title="(.*?)"',
    "id": r'id="server-(\d+)"',
}


def contests(site: Site, stack: ExitStack) -> Iterator[Contest]:
    """Yield what is measured."""
    client, table = site.client, static_table(site.client.get(PAGE).text)

    def page() -> None:
        assert client.get(PAGE).status_code == 200

    def floor() -> None:
        assert table.get("/").status_code == 200

    yield Contest(
        f"4 tokens page of {SERVERS} rows, static table",
        "ms",
        site.timed(page, 2, 1e3),
        site.timed(floor, 2, 1e3),
        at_least=0.7,
        recorded=RECORDED[site.name],
        rounds=21,
    )
    few = queries_of(site)
    with site.app.app_context():
        add_servers(MORE_SERVERS, "zz")
    yield Contest(
        f"4 queries with {SERVERS + MORE_SERVERS:,} servers, {SERVERS}",
        "queries",
        lambda: float(queries_of(site)),
        lambda: float(few),
        at_most=1.0,
        rounds=1,
    )


def static_table(html: str) -> FlaskClient:
    """Return a client of an app that serves the same page from plain values."""
    rows = ROW.findall(html)
    assert len(rows) == SERVERS
    values = [{name: re.search(pattern, row)[1] for name, pattern in OWN.items()} for row in rows]  # type: ignore[index]
    pattern = rows[0]
    for name, value in values[0].items():
        pattern = pattern.replace(value, f"{{{{ row.{name} }}}}")
    start, end = html.index(rows[0]), html.index(rows[-1]) + len(rows[-1])
    before, after = (f"{{% raw %}}{part}{{% endraw %}}" for part in (html[:start], html[end:]))
    floor = Flask("floor")
    floor.jinja_env.autoescape = True
    template = floor.jinja_env.from_string(f"{before}{{% for row in rows %}}{pattern}{{% endfor %}}{after}")
    floor.add_url_rule("/", view_func=lambda: render_template(template, rows=values))
    client = floor.test_client()
    # The very same but for white space between rows, and words such as "just now" of later ones.
    assert abs(len(client.get("/").text) / len(html) - 1) < 0.02
    return client


def queries_of(site: Site) -> int:
    """Return how many statements the page sends."""
    sent: list[Any] = []

    def note(*given: Any) -> None:
        sent.append(given[2])

    with site.app.app_context():
        sa.event.listen(db.engine, "before_cursor_execute", note)
        assert site.client.get(PAGE).status_code == 200
        sa.event.remove(db.engine, "before_cursor_execute", note)
    return len(sent)
