"""People who use the site at once: who they are, and what each of them does next."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

from tests.faults.sites import PROXIED
from tests.load.site import LoadedSite
from tests.mcp_servers.good import TOKEN

#: Longer than the longest call, so that whatever is late is late by the site's doing.
WAIT_SECONDS: Final = 60


@dataclass(frozen=True)
class Deed:
    """A request. `expected`: the statuses that are right; of calls, also that the site is busy."""

    name: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    expected: tuple[int, ...] = (200,)
    #: Whether it takes as long as a slow or dead MCP server does: nobody waits for it to go on.
    takes_its_time: bool = False


@dataclass
class Person:
    """Somebody who is signed in, from an address of their own."""

    headers: dict[str, str] = field(repr=False)
    #: Where they save and delete, so that nobody else's test of it is in the way.
    own_server: int

    @classmethod
    async def sign_in(cls, client: httpx2.AsyncClient, site: LoadedSite, number: int) -> Person:
        """Return the person with this number, signed in, with a token that the answering server takes."""
        address = f"198.18.{number // 250}.{number % 250 + 1}"
        headers = {**PROXIED, "X-Forwarded-For": address}
        body = {"email": site.emails[number], "password": site.password}
        answer = await client.post("/api/session", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        cookies = [cookie.partition(";")[0] for cookie in answer.headers.get_list("Set-Cookie")]
        headers |= {"Cookie": "; ".join(cookies), "X-CSRFToken": answer.json()["csrf_token"]}
        person = cls(headers, site.other_ids[number % len(site.other_ids)])
        for server_id in (site.good_id, site.dead_id):
            path = f"/api/mcp-servers/{server_id}/auth-token"
            saved = await client.post(path, json={"token": TOKEN}, headers=headers)
            assert saved.status_code == 201, saved.text
        return person


def deeds_of(site: LoadedSite) -> list[tuple[int, Callable[[Person], Deed]]]:
    """Return what people do, each with how many of a thousand deeds it is."""
    good, dead = f"/api/playground/{site.good_id}/call", f"/api/playground/{site.dead_id}/call"
    own = "/api/mcp-servers/{0.own_server}/auth-token"

    def read(name: str, path: str) -> Callable[[Person], Deed]:
        return lambda _person: Deed(name, "GET", path)

    def call(name: str, path: str, tool: str, *expected: int, **arguments: Any) -> Callable[[Person], Deed]:
        body = {"tool": tool, "arguments": arguments}
        return lambda _person: Deed(name, "POST", path, body, expected, takes_its_time=name != "call")

    return [
        (400, read("tokens page", "/settings/tokens")),
        (30, read("tokens page, searched", "/settings/tokens?q=service-00")),
        (60, read("playground page", f"/playground/{site.good_id}")),
        (60, read("activity page", "/settings/activity")),
        (100, read("list by JSON", "/api/mcp-servers")),
        (210, lambda person: Deed("token by JSON", "GET", own.format(person))),
        (70, lambda person: Deed("save", "POST", own.format(person), _fresh_token(), (200, 201))),
        (10, lambda person: Deed("delete", "DELETE", own.format(person), None, (204,))),
        (50, call("call", good, "add", 200, 503, a=1, b=2)),
        (5, call("slow call", good, "slow", 200, 503, seconds=2)),
        (5, call("call of a dead server", dead, "add", 503, 504, a=1, b=2)),
    ]


def _fresh_token() -> dict[str, Any]:
    return {"token": f"tok_{secrets.token_urlsafe(24)}"}


class Crowd:
    """Signed-in people, one of whom does something at random each time one is asked."""

    def __init__(self, people: list[Person], site: LoadedSite, seed: int = 7) -> None:
        self._people = people
        self._random = random.Random(seed)  # noqa: S311 - the same deeds in each run
        weights, self._kinds = zip(*deeds_of(site), strict=True)
        self._weights: tuple[int, ...] = weights

    def next(self) -> tuple[Person, Deed]:
        """Return who does what next."""
        person = self._random.choice(self._people)
        (kind,) = self._random.choices(self._kinds, self._weights)
        return person, kind(person)
