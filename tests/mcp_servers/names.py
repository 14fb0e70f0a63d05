"""Names that resolve as a test wants. Only the resolver of the operating system is replaced."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

#: Returns the addresses of a name, the n-th time (from 1) that it is asked for.
Answers = Callable[[int], list[str]]


def resolve_as(monkeypatch: pytest.MonkeyPatch, name: str, answers: Answers) -> list[str]:
    """Let one name resolve to other addresses; returns the list of times it was asked for."""
    real = socket.getaddrinfo
    asked: list[str] = []

    def getaddrinfo(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        if (host.decode() if isinstance(host, bytes) else host) != name:
            return real(host, port, *rest, **options)
        asked.append(name)
        found = answers(len(asked))
        return [entry for address in found for entry in real(address, port, type=socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked
