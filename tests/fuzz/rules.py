"""Rules: every route that the app has, whom it is for, and a request that it takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

from app import create_app
from tests.fuzz.hostile_bodies import FORM

SAFE = {"GET", "HEAD", "OPTIONS"}
#: What stands in a path where the rule has an argument, so that it leads to something. `{code}` is the
#: visitor's own (`tests.fuzz.visitors`).
ARGUMENTS = {"int": "1", "default": "{code}", "path": "favicon.svg"}
#: Of so many cases, one is sent where all of them would meet what they met elsewhere.
SHARE = 3
#: And of so many by who is not let in, and meets the one guard there is.
SHARE_OF_OTHERS = 9
Case = TypeVar("Case")


@dataclass
class Rule:
    """All routes of one path."""

    path: str
    number: int
    methods: set[str] = field(default_factory=set)
    is_public: bool = False

    @property
    def meant_for(self) -> str:
        """Return the visitor who gets furthest here."""
        if self.path.startswith(("/admin", "/api/admin")):
            return "admin"
        return "anonymous" if self.is_public else "user"

    @property
    def changes(self) -> list[str]:
        """Return the methods that change something."""
        return sorted(self.methods - SAFE)

    def path_with(self, value: str | None = None) -> str:
        """Return the path with this value in place of each argument; None: with one that leads somewhere."""
        parts = self.path.replace("<", "\0<").replace(">", ">\0").split("\0")
        return "".join(_argument(part, value) if part.startswith("<") else part for part in parts)

    def right(self, csrf_token: str) -> dict[str, Any]:
        """Return a request that is taken, or nearly, for a hostile head to stand on."""
        if "GET" in self.methods:
            return {"method": "GET"}
        form = {"data": f"csrf_token={quote(csrf_token)}", "content_type": FORM}
        return {"method": self.changes[0], "headers": {"X-CSRFToken": csrf_token}} | (
            {} if self.path.startswith("/api/") else form
        )

    @property
    def is_list(self) -> bool:
        """Whether it may be a page of a list: nothing can be sent to it."""
        return not self.changes and "<" not in self.path

    def share_of(self, visitor: str, cases: Iterable[Case]) -> Sequence[Case]:
        """Return all cases to whom the rule is meant for; to others, who meet one guard everywhere, a few."""
        every = list(cases)
        return every if visitor == self.meant_for else every[self.number % SHARE_OF_OTHERS :: SHARE_OF_OTHERS]

    def few_of(self, cases: Iterable[Case]) -> Sequence[Case]:
        """Return one case in so many; rule by rule, others."""
        return list(cases)[self.number % SHARE :: SHARE]


def _argument(placeholder: str, value: str | None) -> str:
    return ARGUMENTS[placeholder[1:-1].rpartition(":")[0] or "default"] if value is None else value


def read_rules() -> dict[str, Rule]:
    """Return path → rule, in the order in which they are registered."""
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": "sqlite://"})
    found: dict[str, Rule] = {}
    for route in app.url_map.iter_rules():
        rule = found.setdefault(route.rule, Rule(route.rule, len(found)))
        rule.methods |= route.methods or set()
        rule.is_public |= bool(getattr(app.view_functions[route.endpoint], "is_public", False))
    return found


RULES = read_rules()
