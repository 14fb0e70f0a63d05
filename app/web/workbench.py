"""Workbench: what the playground page shows of one server's tools, and of the call that was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.errors import (
    ForeignTokenError,
    InvalidInputError,
    MarketError,
    ServerChangedError,
    TokenExpiredError,
    TokenRejectedError,
    TokenRequiredError,
    TokenUnreadableError,
)
from app.mcp.call_code import curl_of, python_of
from app.mcp.client import Tool
from app.services.call_history import PastCall
from app.services.playground import Called, Listed
from app.web import messages, problems
from app.web.foreign import cut, visible
from app.web.tool_form import MAX_NAME_CHARS, PREFIX, WHOLE, Field, fields_of
from app.web.tool_result import Block, blocks_of

MAX_PANELS: Final = 200
MAX_TOOL_NAME_CHARS: Final = 200
MAX_DESCRIPTION_CHARS: Final = 2000
#: The form field with the words that are looked for among the tools.
FIND: Final = "find"
#: The button that asks for a call as code says so: `show=code`.
SHOW: Final = "show"
#: So many are seen at a look. With more, the field is there without a script too.
FEW_TOOLS: Final = 10


@dataclass(frozen=True)
class Panel:
    """One tool with its form. `typed` is what the form was sent with: form field → text."""

    tool: Tool
    fields: list[Field]
    is_selected: bool
    typed: Mapping[str, str]
    #: Whether it has the words that were looked for.
    is_found: bool = True

    @property
    def description(self) -> str:
        """Return the server's words about the tool, cut and made visible."""
        return cut(self.tool.description or "", MAX_DESCRIPTION_CHARS)

    def value_of(self, entry: Field) -> str:
        """Return what stands in a field: what was typed, or the default before anything was."""
        return self.typed.get(entry.form_name, "") if self.typed else entry.default


@dataclass(frozen=True)
class CallCode:
    """A call as code of one's own; None where it cannot be. Safe to print in a page."""

    curl: str | None
    python: str | None
    #: Whether they send one, from the environment.
    has_token: bool


@dataclass
class Workbench:
    """Everything below the page's heading. `panels` None: the tools were not listed."""

    panels: list[Panel] | None = None
    #: How many tools the server has; more than are shown when it has too many.
    tools_count: int = 0
    called: Called | None = None
    #: The call as code: of the one that was made, or of one that was only asked for as code.
    code: CallCode | None = None
    #: The person's latest calls here.
    history: Sequence[PastCall] = ()
    problem: MarketError | None = None
    #: What was sent, without the token.
    typed: Mapping[str, str] = field(default_factory=dict)
    #: Who turned storing off, see `current.not_stored`: what mends a refusal depends on it.
    not_stored: str | None = None
    #: Whether it was sent with the tick by which a person says that this server may have their token.
    belongs_here: bool = False

    def show_tools(self, tools: Sequence[Tool], selected: str) -> None:
        """Take the server's tools; the one named, else the first found, is shown open.

        Of more than a page can show, those with the words that were looked for come before the others.
        """
        words = self.find.casefold().split()
        callable_tools = [(tool, _has_words(tool, words)) for tool in tools if _can_be_called(tool)]
        first = sorted(callable_tools, key=lambda one: (one[0].name != selected, not one[1]))[:MAX_PANELS]
        names_shown = {tool.name for tool, _ in first}
        shown = [one for one in callable_tools if one[0].name in names_shown][:MAX_PANELS]
        found = [tool.name for tool, is_found in shown if is_found]
        chosen = selected if selected in names_shown else next(iter(found), "")
        self.tools_count = len(tools)
        self.panels = [
            Panel(
                tool,
                fields_of(tool.input_schema),
                tool.name == chosen,
                self.typed if tool.name == selected else {},
                is_found,
            )
            for tool, is_found in shown
        ]

    @property
    def find(self) -> str:
        """Return the words that were looked for among the tools."""
        return self.typed.get(FIND, "").strip()[:MAX_NAME_CHARS]

    @property
    def found_count(self) -> int:
        """Return how many of the tools that are shown have them."""
        return sum(panel.is_found for panel in self.panels or ())

    @property
    def has_many_tools(self) -> bool:
        """Whether they have to be looked for, script or not."""
        return self.tools_count > FEW_TOOLS or bool(self.find)

    def show_code(self, listed: Listed, tool: Tool, arguments: Mapping[str, Any]) -> None:
        """Take the call that is asked for, as code."""
        codes = (
            curl_of(listed.way, tool.name, arguments, tool.input_schema),
            python_of(listed.way, tool.name, arguments),
        )
        shown = [code and visible(code) for code in codes]
        self.code = CallCode(shown[0], shown[1], has_token=listed.way.header is not None)

    @property
    def status(self) -> int:
        """Return the page's HTTP status."""
        return problems.status_of(self.problem) if self.problem else 200

    @property
    def field_errors(self) -> dict[str, str]:
        """Return form field → sentence, for what stands beside a field."""
        if isinstance(self.problem, InvalidInputError) and self.problem.field != "address":
            return {self.problem.field: messages.of_error(self.problem)}
        return {}

    @property
    def notice(self) -> str:
        """Return the sentence about what went wrong, "" when it stands beside a field or nothing did."""
        if self.problem is None or self.field_errors:
            return ""
        return messages.of_error(self.problem, self.not_stored)

    @property
    def is_about_saved_token(self) -> bool:
        """Whether its owner has to do something about the saved token first."""
        if isinstance(self.problem, TokenRejectedError):
            return self.problem.token_source == "saved"
        return isinstance(
            self.problem, TokenRequiredError | TokenExpiredError | TokenUnreadableError | ServerChangedError
        )

    @property
    def asks_whether_it_belongs(self) -> bool:
        """Whether each form offers the tick by which a person says that this server may have the token.

        Once it was asked for or given it stays there, unticked: the next token typed may be another one.
        """
        return self.belongs_here or isinstance(self.problem, ForeignTokenError)

    @property
    def refusals(self) -> list[tuple[str, str]]:
        """Return what kept it from being done, as (argument's name or "", sentence)."""
        if self.notice:
            return [("", self.notice)]
        return [
            (cut(name.removeprefix(PREFIX), MAX_NAME_CHARS) if name.startswith(PREFIX) else "", sentence)
            for name, sentence in self.field_errors.items()
        ]

    @property
    def unfinished_call(self) -> dict[str, str]:
        """Return the form fields of a call that did not get as far as the tools; {} when there is none.

        Without script they would be lost, with what was typed, for want of a token or of a tick.
        """
        if self.panels is not None or not self.typed.get("tool"):
            return {}
        return {
            name: text
            for name, text in self.typed.items()
            if name in {"tool", WHOLE, SHOW} or name.startswith(PREFIX)
        }

    @property
    def blocks(self) -> list[Block]:
        """Return the answer's blocks."""
        if self.called is None:
            return []
        result = self.called.result
        return blocks_of(result.content, result.structured_content)


def _has_words(tool: Tool, words: Sequence[str]) -> bool:
    """Whether the tool's name or description has all of these; `words` are case-folded."""
    text = f"{tool.name} {tool.description}".casefold()
    return all(word in text for word in words)


def _can_be_called(tool: Tool) -> bool:
    """Whether a form can name it: one printable line (the specification allows 128 plain characters)."""
    return 0 < len(tool.name) <= MAX_TOOL_NAME_CHARS and tool.name.isprintable()
