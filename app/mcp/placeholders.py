"""Placeholders: what a registry entry leaves open, filled in from answers, and asked for where there is none.

An answer is never a secret: what is secret is the token's place, or cannot be used. Nothing else keeps the
answers than the servers they went into: `read_back` reads them out of an address or a header again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from app.errors import InvalidInputError
from app.mcp.spellings import field_of
from app.mcp.texts import DESCRIPTION_CHARS, PLACEHOLDER_CHARS, clean_text
from app.mcp.token_headers import is_secret_name

#: `{name}`, `${name}`, `{{name}}` and `<name>`: all are in use for "put your token here".
PLACEHOLDER: Final = re.compile(r"\$?\{\{?([^{}]*)\}?\}|<([^<>]*)>")
#: Of an answer these would make a template again.
MARKS: Final = frozenset("{}<>")
MAX_ANSWER_CHARS: Final = 500
MAX_CHOICES: Final = 100
#: Longer than any address or header may be in the end.
MAX_TEMPLATE_CHARS: Final = 4096


@dataclass(frozen=True)
class KeptServer:
    """What a server of the catalogue keeps of earlier answers. `is_current`: its entry still had it then."""

    url: str
    extra_headers: Mapping[str, str]
    is_current: bool = True


@dataclass(frozen=True)
class Answers:
    """What is known when entries are read.

    `given`: an answer for `entry name:placeholder`, or for a placeholder of every entry by its name alone.
    `kept`: entry name → the servers that came from it, in the order of their ids; None: nobody looked.
    """

    given: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, Sequence[KeptServer]] | None = None


NO_ANSWERS: Final = Answers()


@dataclass(frozen=True)
class Question:
    """One thing that an entry leaves open. `answer` "": there is none yet.

    `source`: where the answer is from: `given`, `kept` (by the catalogue), `default` (of the entry), or "".
    `refused`: why what was given is no answer, as a part of a sentence for admins; None: it is one.
    """

    entry: str
    name: str
    #: The header it belongs to; "": the address.
    header: str
    description: str
    choices: tuple[str, ...]
    #: False: without it a header is left out, and nothing else.
    is_required: bool
    default: str
    answer: str
    source: str
    refused: str | None = None

    @property
    def key(self) -> str:
        """Return the name under which it is answered."""
        return f"{self.entry}:{self.name}"

    @property
    def is_open(self) -> bool:
        """Whether something cannot be used until it is answered."""
        return self.is_required and not self.answer


class Blanks:
    """What one remote leaves open: fills in what is known, and keeps the questions in their order."""

    def __init__(self, entry: str, given: Mapping[str, str], kept: KeptServer | None) -> None:
        self._entry = entry
        self._given = given
        self.kept = kept
        self.questions: dict[str, Question] = {}

    def fill_address(self, template: str, variables: Any) -> str:
        """Return the address, with what nobody knows left as it was.

        Raises InvalidInputError("url", "too_long").
        """
        return self._fill(template, variables, "", True, self.kept.url if self.kept else "")

    def fill_header(self, name: str, facts: Mapping[str, Any], template: str | None, required: bool) -> str:
        """Return the value of a header that is no secret, "" when there is none.

        Raises InvalidInputError("extra_headers", "too_long").
        """
        saved = self._saved_header(name)
        if template is None:
            return self._ask(name, facts, name, required, saved)
        return self._fill(template, field_of(facts, "variables"), name, required, saved)

    def _fill(self, template: str, variables: Any, header: str, required: bool, saved: str) -> str:
        where = "extra_headers" if header else "url"
        template = fill_in(template, variables, "value", where=where)
        known = read_back(template, saved)
        asked: dict[str, str] = {}

        def replace(match: re.Match[str]) -> str:
            name = name_in(match)
            variable = field_of(variables, name)
            if not _may_be_asked(name, variable):
                return fill_in(match[0], variables, where=where)
            if name not in asked:
                # Once for each name: a thousand times the same choices take long to read.
                facts = variable if isinstance(variable, Mapping) else {}
                asked[name] = self._ask(name, facts, header, required, known.get(name, ""))
            return asked[name] or match[0]

        return _substitute(template, replace, where)

    def _ask(self, name: str, facts: Mapping[str, Any], header: str, required: bool, saved: str) -> str:
        """Return the answer, "" for none, and note the question."""
        choices = field_of(facts, "choices")
        listed = choices[:MAX_CHOICES] if isinstance(choices, list) else []
        default = clean_text(field_of(facts, "default"), MAX_ANSWER_CHARS)
        blank = Question(
            entry=self._entry,
            name=name,
            header=header,
            description=clean_text(field_of(facts, "description"), DESCRIPTION_CHARS),
            choices=tuple(filter(None, (clean_text(choice, MAX_ANSWER_CHARS) for choice in listed))),
            is_required=required,
            default=default,
            answer="",
            source="",
        )
        given = (self._given.get(blank.key) or self._given.get(name) or "").strip()
        refused = _why_no_answer(given, blank.choices) if given else None
        answers = (("given", "" if refused else given), ("kept", saved), ("default", default))
        source, answer = next(((source, text) for source, text in answers if text), ("", ""))
        question = Question(**vars(blank) | {"answer": answer, "source": source, "refused": refused})
        asked = self.questions.setdefault(question.key, question)
        if question.is_required and not asked.is_required:
            self.questions[question.key] = question
        return answer

    def _saved_header(self, name: str) -> str:
        headers = self.kept.extra_headers if self.kept else {}
        return next((value for known, value in headers.items() if known.lower() == name.lower()), "")


def fill_in(template: str, variables: Any, *keys: str, where: str = "extra_headers") -> str:
    """Return the template with those placeholders filled in whose value its entry gives and nobody hides.

    `keys`: what counts as a value, by default `value` and else `default`. `where`: `url` or `extra_headers`,
    the field of the InvalidInputError(where, "too_long") that it raises.
    """

    def replace(match: re.Match[str]) -> str:
        variable = field_of(variables, name_in(match))
        if field_of(variable, "isSecret") is True:
            return match[0]
        given = next(filter(None, (field_of(variable, key) for key in keys or ("value", "default"))), None)
        return given if isinstance(given, str) else match[0]

    return _substitute(template, replace, where)


def _substitute(template: str, replace: Callable[[re.Match[str]], str], where: str) -> str:
    """Return the template with every placeholder replaced, and never more than any address or header has.

    Counted piece by piece: a thousand times one long value would fill the memory before it is too long.
    """
    if len(template) > MAX_TEMPLATE_CHARS:
        raise InvalidInputError(where, "too_long")
    pieces: list[str] = []
    end = length = 0
    for match in PLACEHOLDER.finditer(template):
        piece = template[end : match.start()] + replace(match)
        end, length = match.end(), length + len(piece)
        if length > MAX_TEMPLATE_CHARS:
            raise InvalidInputError(where, "too_long")
        pieces.append(piece)
    text = "".join((*pieces, template[end:]))
    if len(text) > MAX_TEMPLATE_CHARS:
        raise InvalidInputError(where, "too_long")
    return text


def name_in(match: re.Match[str]) -> str:
    """Return what a placeholder is called."""
    return (match[1] or match[2] or "").strip()


def has_secret(template: str, variables: Any) -> bool:
    """Whether a secret belongs into the template."""
    found = ((name_in(match), match) for match in PLACEHOLDER.finditer(template))
    return any(
        field_of(field_of(variables, name), "isSecret") is True or is_secret_name(name) for name, _ in found
    )


def read_back(template: str, text: str) -> dict[str, str]:
    """Return name → the answer with which the template becomes the text; nothing when there are none.

    From left to right, the shortest answer that fits, never back again: no template takes long.
    """
    names, literals = _parts(template)
    if not names or not text.startswith(literals[0]):
        return {}
    answers: dict[str, str] = {}
    start = len(literals[0])
    for number, (name, literal) in enumerate(zip(names, literals[1:], strict=True), 1):
        is_last = number == len(names)
        end = len(text) - len(literal) if is_last else text.find(literal, start + 1)
        if end <= start or not text.startswith(literal, end) or MARKS & set(text[start:end]):
            return {}
        # A name that stands there twice has one answer.
        if answers.setdefault(name, text[start:end]) != text[start:end]:
            return {}
        start = end + len(literal)
    return answers


@lru_cache(maxsize=16)
def _parts(template: str) -> tuple[Sequence[str], Sequence[str]]:
    """Return the names in a template and the one text more around them.

    Kept for a while: one template is read back from many texts.
    """
    matches = list(PLACEHOLDER.finditer(template))
    ends = [0, *(match.end() for match in matches)]
    starts = [*(match.start() for match in matches), len(template)]
    names = [name_in(match) for match in matches]
    return names, [template[end:start] for end, start in zip(ends, starts, strict=True)]


def _may_be_asked(name: str, variable: Any) -> bool:
    """Whether this is a name to ask for, of something that is no secret."""
    is_hidden = field_of(variable, "isSecret") is True or is_secret_name(name)
    return bool(name) and clean_text(name, PLACEHOLDER_CHARS) == name and not is_hidden


def _why_no_answer(text: str, choices: Sequence[str]) -> str | None:
    if len(text) > MAX_ANSWER_CHARS or not text.isprintable() or MARKS & set(text):
        return "the answer has characters that do not belong there, or too many"
    if choices and text not in choices:
        return "the answer is none of the choices"
    return None
