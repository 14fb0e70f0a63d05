"""Two servers on this machine: the app for a trial, and the demo MCP server as its child."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click
from flask import Flask
from werkzeug.serving import make_server

from config import ROOT

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 30
STOP_SECONDS: Final = 5
WAKE_SECONDS: Final = 0.5


def refuse_taken_ports(port: int, demo_port: int) -> None:
    """Raise click.ClickException, saying what to type instead, unless both ports can be had."""
    if port == demo_port:
        raise click.ClickException(f"PORT and DEMO_MCP_PORT are both {port}. Choose two different ones.")
    for name, number in (("PORT", port), ("DEMO_MCP_PORT", demo_port)):
        problem = _problem_of(number)
        if problem:
            other = number + 10 if 1024 <= number <= 65525 else 8010
            raise click.ClickException(
                f"Port {number} {problem}. Choose another: make run {name}={other}"
                f" (without make: {name}={other} flask quickstart --serve)"
            )


def serve_until_stopped(app: Flask, port: int, demo_port: int, started: Callable[[], None]) -> None:
    """Serve the app, with the demo server beside it, until Ctrl-C or SIGTERM; both end together.

    Calls `started` once both answer. Raises click.ClickException when the demo server does not start.
    """
    # SIGTERM ends it like Ctrl-C, and Ctrl-C works in a shell's background job too, which ignores it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with _demo_child(demo_port):
            server = make_server(HOST, port, app, threaded=True)
            # In a thread, so that an interrupt strikes here and not in the middle of a request.
            serving = threading.Thread(target=server.serve_forever, daemon=True)
            serving.start()
            started()
            try:
                while serving.is_alive():
                    # Not a join: a signal that strikes just before it would wait there for a second one.
                    time.sleep(WAKE_SECONDS)
            finally:
                server.shutdown()
    except KeyboardInterrupt:
        pass
    click.echo("Stopped.", err=True)


def exit_with_parent() -> None:
    """End this process once its standard input closes, which the end of its parent does, however it ends."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _demo_child(port: int) -> Iterator[None]:
    """Run `flask demo-server` as a child that answers when the body starts and is gone after it."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "demo-server", "--with-parent"]
    # Fixed words, no shell. A session of its own: Ctrl-C reaches us alone, and we end the child.
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603
    try:
        _wait_until_it_answers(child, port)
        yield
    finally:
        if child.stdin:
            child.stdin.close()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _wait_until_it_answers(child: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise click.ClickException("The demo MCP server did not start; its own message stands above.")


def _problem_of(port: int) -> str | None:
    """Return why nothing can listen on the port, or None."""
    with socket.socket() as probe:
        # As the servers do it: a connection that has just ended does not keep the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except PermissionError:
            return "needs rights that you do not have"
        except OSError:
            return "is in use"
    return None
