"""Translations: what the code says, gathered; the catalogues that `make translations` keeps; their faults.

There is a `.po` for each language but the first, which is in the code itself. The compiled `.mo` stands
beside it in git, because a plain `flask run` compiles nothing. Neither holds a date or a line number: they
change when a sentence does.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment, nodes

from app.words.languages import LANGUAGES
from tests.checkout import ROOT

CATALOGUES = ROOT / "app" / "translations"
KEYWORDS: dict[str, Any] = DEFAULT_KEYWORDS | {"_l": None, "lazy_pgettext": ((1, "c"), 2)}
#: Calls whose sentences are gathered, and which of their arguments those are.
SENTENCES = {"_": (0,), "_l": (0,), "gettext": (0,), "ngettext": (0, 1), "pgettext": (0, 1)}
SENTENCES |= {"lazy_gettext": (0,), "lazy_pgettext": (0, 1)}
HEADER = """\
# MCP Market in another language. `make translations` keeps this file and compiles it;
# the words to use are in docs/glossary.md.
#"""
#: Babel wants dates; real ones would change the files each time.
NO_DAY = datetime(2000, 1, 1, tzinfo=UTC)
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[a-zA-Z%]|\{\w*\}")
TAG = re.compile(r"<[^<>]*>")
WRAP_CHARS = 100


def gathered(root: Path = ROOT) -> Catalog:
    """Return every sentence of the code and the templates, untranslated."""
    mappings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["babel"][
        "mappings"
    ]
    methods = [(mapping["pattern"], mapping["method"]) for mapping in mappings]
    catalog = Catalog(fuzzy=False)
    for folder in ("app", "templates"):
        found = extract_from_dir(
            root / folder,
            [(pattern.removeprefix(f"{folder}/"), method) for pattern, method in methods],
            # A template that does not parse is an error, and not one without words.
            options_map={"**.html": {"silent": "false"}},
            keywords=KEYWORDS,
        )
        for _file, _line, text, _comments, context in found:
            catalog.add(text, context=context)
    return catalog


def catalogue_files(language: str) -> tuple[Path, Path]:
    """Return where a language's `.po` and `.mo` are."""
    folder = CATALOGUES / language / "LC_MESSAGES"
    return folder / "messages.po", folder / "messages.mo"


def read(language: str) -> Catalog:
    """Return what is translated."""
    with catalogue_files(language)[0].open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def merged(translated: Catalog, sentences: Catalog) -> Catalog:
    """Return the catalogue with these sentences and no other: new ones are empty, never guessed."""
    translated.update(sentences, no_fuzzy_matching=True, update_header_comment=False)
    translated.obsolete.clear()
    return translated


def po_of(catalog: Catalog) -> bytes:
    """Return the text of a `.po`: sorted, without places and dates."""
    file = BytesIO()
    write_po(file, _undated(catalog), width=WRAP_CHARS, no_location=True, sort_output=True)
    return file.getvalue()


def mo_of(catalog: Catalog) -> bytes:
    """Return the compiled catalogue."""
    file = BytesIO()
    write_mo(file, _undated(catalog))
    return file.getvalue()


def _undated(catalog: Catalog) -> Catalog:
    catalog.header_comment = HEADER
    catalog.project, catalog.version = "MCP Market", ""
    catalog.msgid_bugs_address = ""
    catalog.last_translator = catalog.language_team = ""
    catalog.creation_date = catalog.revision_date = NO_DAY
    catalog.fuzzy = False
    return catalog


def faults_of(catalog: Catalog, sentences: Catalog) -> list[str]:
    """Return what is wrong with a catalogue, a line each: what CI fails on."""
    wanted, there = _by_key(sentences), _by_key(catalog)
    faults = [f"missing: {key}" for key in wanted.keys() - there.keys()]
    faults += [f"obsolete: {key}" for key in there.keys() - wanted.keys()]
    faults += [f"obsolete: {message.id!r}" for message in catalog.obsolete.values()]
    for key, message in there.items():
        faults += [f"{what}: {key}" for what in _faults_in(message)]
    return sorted(faults)


def compiled(path: Path) -> dict[str, Any]:
    """Return what a `.mo` says, by key."""
    with path.open("rb") as file:
        return {key: texts(message.string) for key, message in _by_key(read_mo(file)).items()}


def texts_of(catalog: Catalog) -> dict[str, Any]:
    """Return what a catalogue says, by key, as `compiled` does."""
    return {key: texts(message.string) for key, message in _by_key(catalog).items()}


def not_gathered() -> list[str]:
    """Return calls whose sentence is not written out where it is called, so that nothing gathers it."""
    found = []
    for path in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SENTENCES:
                texts = [node.args[place] for place in SENTENCES[node.func.id]]
                if not all(isinstance(text, ast.Constant) for text in texts):
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    templates = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    for path in sorted((ROOT / "templates").rglob("*.html")):
        for call in templates.parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in SENTENCES:
                texts = [call.args[place] for place in SENTENCES[call.node.name]]
                if not all(isinstance(text, nodes.Const) for text in texts):
                    found.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    return found


def _by_key(catalog: Catalog) -> dict[str, Message]:
    """Return messages by their English sentence, with its plural and its context where it has these."""
    return {
        " | ".join((*texts(message.id), *filter(None, texts(message.context or "")))): message
        for message in catalog
        if message.id
    }


def texts(text: Any) -> tuple[str, ...]:
    """Return a sentence, or the singular and plural of one."""
    parts = (text,) if isinstance(text, str | bytes) else text
    # Babel reads those of a `.mo` as bytes where there is a plural.
    return tuple(part.decode() if isinstance(part, bytes) else part for part in parts)


def _faults_in(message: Message) -> Iterator[str]:
    original = texts(message.id)[-1]
    if message.fuzzy:
        yield "fuzzy"
    for text in texts(message.string or ""):
        if not text.strip():
            yield "empty"
            continue
        if Counter(PLACEHOLDER.findall(text)) != Counter(PLACEHOLDER.findall(original)):
            yield "other placeholders"
        # What stands between trans and endtrans is markup: a translation must bring none of its own.
        if Counter(TAG.findall(text)) != Counter(TAG.findall(original)):
            yield "other tags"
        if (text[:1].isspace(), text[-1:].isspace()) != (original[:1].isspace(), original[-1:].isspace()):
            yield "other space around it"


def main() -> None:
    """Bring every catalogue up to the code, and compile it."""
    sentences = gathered()
    for language in LANGUAGES[1:]:
        po, mo = catalogue_files(language)
        if not po.exists():
            po.parent.mkdir(parents=True, exist_ok=True)
            po.write_bytes(po_of(Catalog(locale=language, fuzzy=False)))
        catalog = merged(read(language), sentences)
        po.write_bytes(po_of(catalog))
        mo.write_bytes(mo_of(catalog))
        for fault in faults_of(catalog, sentences):
            print(f"{language}: {fault}")  # noqa: T201 — a command of ours says what is left to do


if __name__ == "__main__":
    main()
