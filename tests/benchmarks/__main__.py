"""Measures every part on each database that is there, and says by its exit code how it went."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path

import click

from tests import databases
from tests.benchmarks import (
    derivations,
    events,
    matrix,
    pages,
    redaction,
    report,
    resolve,
    rotation,
    save,
    workers,
)
from tests.benchmarks.harness import Contest, Result, run
from tests.benchmarks.sites import site_on

#: In the order of docs/performance.md.
PARTS = {
    "resolve": resolve,
    "save": save,
    "events": events,
    "derivations": derivations,
    "pages": pages,
    "rotation": rotation,
    "redaction": redaction,
    "workers": workers,
    "matrix": matrix,
}
#: Of these nothing is judged.
SHOWN = {"events", "matrix"}
DEFAULT = Path("test-results/bench.json")


@click.command()
@click.option("--quick", is_flag=True, help="Only what is judged, and by ratios alone: under a minute.")
@click.option("--json", "path", type=click.Path(path_type=Path), default=DEFAULT, show_default=True)
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
def main(quick: bool, path: Path, parts: tuple[str, ...]) -> None:
    """Measure these parts, or all."""
    started = time.monotonic()
    engines = ["sqlite", *(["postgresql"] if databases.POSTGRESQL_URL else [])]
    chosen = parts or [part for part in PARTS if part not in SHOWN or not quick]
    results = [result for engine in engines for part in chosen for result in measured(part, engine, quick)]
    click.echo(report.table(results))
    if not databases.POSTGRESQL_URL:
        click.echo("PostgreSQL was left out: TEST_DATABASE_URL names none.")
    report.write(results, path)
    click.echo(f"Written to {path}, after {time.monotonic() - started:.0f} s.")
    sys.exit(report.exit_code(results))


def measured(part: str, engine: str, quick: bool) -> list[Result]:
    """Return what a part measures, on a site of its own."""
    with site_on(engine, is_durable=not quick) as site, ExitStack() as stack:
        return [
            run(contest, engine, quick=quick)
            for contest in PARTS[part].contests(site, stack)
            if is_judged(contest) or not quick
        ]


def is_judged(contest: Contest) -> bool:
    """Whether something is wanted of it."""
    return contest.at_most is not None or contest.at_least is not None


if __name__ == "__main__":
    main()
