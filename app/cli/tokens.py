"""`flask tokens`: the keys that tokens are sealed under. No command shows a token."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click
from flask import current_app
from flask.cli import AppGroup

from app import clock
from app.cli.acting import acting
from app.errors import KeyNotLoadedError, RotationRunningError
from app.services.key_status import KeyStatus, accept_loss, key_statuses, lost_keys, verify_tokens
from app.services.keys import Keys
from app.services.rotation import BATCH_SIZE, RotationReport, rotate_tokens, rows_by_key

tokens_cli = AppGroup("tokens", help="The keys that tokens are sealed under, and who holds tokens.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
LOST = (
    "TOKEN_ENCRYPTION_SECRET does not open this database's tokens. Set the secret they were sealed with, or "
    "add it to TOKEN_ENCRYPTION_PREVIOUS_SECRETS. If it is truly lost: flask tokens accept-loss"
)


@tokens_cli.command("rotate")
@click.option("--dry-run", is_flag=True, help="Count what would be rotated; write nothing.")
@click.option("--batch-size", type=click.IntRange(1, 100_000), default=BATCH_SIZE, show_default=True)
@AS_JSON
def rotate(dry_run: bool, batch_size: int, as_json: bool) -> None:
    """Re-seal every token under the current key, while the app serves. May be killed and run again.

    Exits with 0 only when no row is left under another key.
    """
    try:
        with _progress(quiet=as_json) as advanced:
            report = rotate_tokens(
                _keys(), acting(), batch_size=batch_size, dry_run=dry_run, advanced=advanced
            )
    except KeyNotLoadedError:
        raise click.ClickException(LOST) from None
    except RotationRunningError:
        raise click.ClickException("Another rotation is at work. Wait for it to end.") from None
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        _tell(report, dry_run=dry_run)
    if report.rows_left:
        sys.exit(1)


@tokens_cli.command("status")
@AS_JSON
def status(as_json: bool) -> None:
    """Say which keys there are, what each is still needed for, and what to change."""
    found = key_statuses(_keys())
    if as_json:
        rows = [{**asdict(key), "advice": _advice(key)} for key in found]
        click.echo(json.dumps({"keys": rows}, default=lambda moment: moment.isoformat()))
        return
    for key in found:
        age = (clock.now() - key.created_at).days
        state = "current" if key.is_current else "loaded" if key.is_loaded else "not loaded"
        click.echo(f"{key.id}  {state}, {key.rows} rows, {key.kdf} {key.iterations:,}, {age} days old")
        if not key.is_current:
            click.echo(f"    {_advice(key)}")
    if not found:
        click.echo("No token was saved yet, so there is no key.")


@tokens_cli.command("verify")
def verify() -> None:
    """Unseal every token, in memory only, and name by id the rows that cannot be read."""
    found = verify_tokens(_keys())
    click.echo(f"Readable: {found.readable}")
    for word, rows in (("Unreadable", found.unreadable), ("Key not loaded", found.not_loaded)):
        click.echo(f"{word}: {len(rows)}")
        for row_id in rows:
            click.echo(f"    mcp_auth_tokens.id = {row_id}")
    if found.unreadable or found.not_loaded:
        sys.exit(1)


@tokens_cli.command("accept-loss")
@click.option("--yes", is_flag=True, help="Do not ask.")
def accept_loss_(yes: bool) -> None:
    """Give up the keys whose secrets are lost, so that new tokens can be saved. Deletes nothing."""
    lost = lost_keys(_keys())
    if not lost:
        click.echo("Every key that is needed is loaded; nothing is lost.")
        return
    click.echo(f"Keys without their secret: {', '.join(lost)}. Tokens under them: {sum(lost.values())}.")
    click.echo("They will be shown as “Cannot be read” until their owners replace or delete them.")
    if not yes:
        click.confirm("Is the secret lost for good?", abort=True)
    accept_loss(_keys(), acting())
    click.echo("Accepted. New tokens are sealed under TOKEN_ENCRYPTION_SECRET.")


def _keys() -> Keys:
    keys: Keys = current_app.extensions["keys"]
    return keys


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Yield what is called after each batch: a bar on a terminal, a plain line otherwise."""
    total = sum(rows_by_key().values())
    if quiet:
        yield lambda rows: None
    elif sys.stderr.isatty():
        with click.progressbar(length=total, label="Rotating", file=sys.stderr) as bar:
            yield bar.update
    else:
        done = 0

        def line(rows: int) -> None:
            nonlocal done
            done += rows
            click.echo(f"{done} of {total} rows", err=True)

        yield line


def _tell(report: RotationReport, *, dry_run: bool) -> None:
    if not (report.rotated or report.unreadable or report.changed_meanwhile or report.rows_left):
        click.echo(f"Nothing to do: all {report.already_current} rows are under the current key.")
        return
    click.echo(f"{'Would be rotated' if dry_run else 'Rotated'}: {report.rotated}")
    click.echo(f"Already current: {report.already_current}")
    click.echo(f"Unreadable: {report.unreadable}")
    click.echo(f"Changed meanwhile: {report.changed_meanwhile}")
    for key_id, rows in report.left.items():
        click.echo(f"Left under {key_id}: {rows}")


def _advice(key: KeyStatus) -> str:
    """Return what may be done with the key's secret, and in which setting."""
    if key.is_current:
        return "current"
    if key.rows == 0:
        return "safe to remove from TOKEN_ENCRYPTION_PREVIOUS_SECRETS"
    if key.retired_at is not None:
        return f"given up for lost: {key.rows} rows to be replaced or deleted by their owners"
    if key.is_loaded:
        return f"not safe: {key.rows} rows. Run flask tokens rotate"
    return f"not safe: {key.rows} rows. Add its secret to TOKEN_ENCRYPTION_PREVIOUS_SECRETS"
