"""The guides and READMEs name what there is: buttons by their words, commands and make targets."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from flask import Flask

from tests import translations
from tests.checkout import ROOT

GUIDES = ROOT / "docs" / "user-guide"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(GUIDES.glob("*.md"))]
#: What the English guide has in bold because it matters, not because a page says so.
EMPHASISED = {
    *("bold", "token", "encrypted", "never shown again", "goes to its own server only", "Each time", "once"),
    *("on hold", "not saved", "last day", "each provider", "Not", "List", "CSV", "JSONL"),
    *("ten recovery codes, this once", "Find the server", "Get a token", "Paste it as you got it"),
    *("Look at what is marked", "Read the host from its end.", "Deleting is not revoking.", "All at once"),
    *(
        "What is recorded",
        "If it was not you",
        "Add one.",
        "Name a probe tool",
        "Change an address.",
        "Import.",
    ),
    *("Invite.", "Revoke each one at its provider", "Set up a second factor", "Sign in.", "Save."),
}
CODE = re.compile(r"(?m)^(?: {4}|\t).*$|`[^`]*`")
#: A make target or command stands in code; in prose "make" is a word.
MADE = re.compile(r"(?:`|^\s{4}|&& )(?:[A-Z_]+=\S+ )*make ([a-z-]+)", re.MULTILINE)
RUN = re.compile(r"(?:`|^\s{4}|&& )(?:[A-Z_]+=\S+ )*flask ((?:[a-z-]+ ?)+)", re.MULTILINE)


def words_of_pages() -> list[tuple[str, str]]:
    """Return every English text of pages, mails and answers with its Korean one, both without tags."""
    pairs = []
    for message in translations.read("ko"):
        korean = translations.texts(message.string or "")
        for number, text in enumerate(translations.texts(message.id)):
            pairs.append((bare(text), bare(korean[min(number, len(korean) - 1)])))
    return pairs


def bare(text: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", "", text).split())


def says(label: str, text: str) -> bool:
    """Whether a page's text is what a guide has in bold, or begins with it; "…" is what is left out."""
    label = label.strip('“”"')
    parts = [re.escape(part.strip()) for part in label.split("…")]
    end = "" if label.endswith(("…", ".")) else r"(?=$|[:,.;])"
    return re.match(".*".join(parts) + end, text) is not None


def bold_in(path: Path) -> list[str]:
    prose = CODE.sub("", path.read_text(encoding="utf-8")).replace("***", "**")
    return [" ".join(one.split()) for one in re.findall(r"\*\*(.+?)\*\*", prose, flags=re.DOTALL)]


def test_each_button_that_the_english_guide_names_is_on_a_page() -> None:
    pages = words_of_pages()
    labels = [
        label
        for label in bold_in(GUIDES / "en.md")
        if label not in EMPHASISED and not label.startswith("[") and not label.endswith("?")
    ]

    assert len(labels) > 100
    assert [label for label in labels if not any(says(label, text) for text, _ in pages)] == []


def test_each_pair_of_words_in_the_korean_guide_is_the_one_that_pages_say() -> None:
    pages = words_of_pages()
    prose = CODE.sub("", (GUIDES / "ko.md").read_text(encoding="utf-8")).replace("***", "**")
    pairs = [
        (" ".join(korean.split()), " ".join(english.split()))
        for korean, english in re.findall(r"\*\*([^*]+)\*\*\s?\(([A-Z][^()]+)\)", prose)
    ]

    assert len(pairs) > 60
    assert [
        pair
        for pair in pairs
        if not any(says(pair[1], english) and says(pair[0], korean) for english, korean in pages)
    ] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_command_and_target_that_a_document_names_is_there(path: Path, app: Flask) -> None:
    text, makefile = path.read_text(encoding="utf-8"), (ROOT / "Makefile").read_text(encoding="utf-8")

    assert [name for name in MADE.findall(text) if f"\n{name}:" not in makefile] == []
    assert [line for line in RUN.findall(text) if not is_command(app.cli, line.split())] == []


def is_command(group: click.Command, words: list[str]) -> bool:
    """Whether the words lead from group to group to a command; what follows it are arguments of it."""
    context = click.Context(group)
    for word in words:
        if not isinstance(group, click.Group):
            return True
        found = group.get_command(context, word)
        if found is None:
            return False
        group = found
    return True
