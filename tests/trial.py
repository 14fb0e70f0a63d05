"""A trial: a copy of the project in a folder of its own, with the commands a newcomer types there."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.checkout import copy_project

#: What a test's own environment may hold and a newcomer's does not.
OURS = {
    *("DATABASE_URL", "PORT", "DEMO_MCP_PORT", "APP_ENV", "INSTANCE_PATH", "EGRESS_ALLOW", "LOG_LEVEL"),
    # See `tests/__init__.py`.
    "PYTHON_DOTENV_DISABLED",
}


class Trial:
    """A copy of the project, without settings and data."""

    def __init__(self, folder: Path) -> None:
        self.folder = copy_project(folder)

    @property
    def instance(self) -> Path:
        return self.folder / "instance"

    def demo(self) -> dict[str, Any]:
        """Return what quickstart wrote down."""
        known: dict[str, Any] = json.loads((self.instance / "quickstart.json").read_text())
        return known

    def environment(self, **extra: str) -> dict[str, str]:
        """Return a newcomer's environment with `extra` set in it; an empty value unsets."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in OURS and "SECRET" not in name and not name.startswith("FLASK_")
        }
        given = {**kept, "APP_ENV": "development", **extra}
        return {name: value for name, value in given.items() if value}

    def flask(self, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `flask` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "flask", *words],
            cwd=self.folder,
            env=self.environment(**extra),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self, *words: str, log: Path) -> subprocess.Popen[bytes]:
        """Start a command of `flask` that stays; both of its outputs go to the log."""
        with log.open("wb") as file:
            return subprocess.Popen(
                [sys.executable, "-m", "flask", *words],
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on at this moment."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
