"""Guards over the files themselves: what must stand in none of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.checkout import ROOT, project_files

#: Names that say nothing about what is inside.
EMPTY_NAMES = {"utils", "helpers", "common", "misc", "manager", "base"}
#: In pieces, so that this file passes its own test.
HOSTS_AND_PATHS = re.compile(
    "|".join(
        [
            r"py" r"pi\.org",
            r"python" r"hosted\.org",
            r"npm" r"js\.(?:com|org)",
            r"deb\." r"debian\.org",
            r"/wo" r"rk/",
            r"/fa" r"rm/",
            r"\.lib" r"rary\b",
            r"shar" r"ed/[a-z-]+\.md",
            r"/ho" r"me/[a-z]",
            r"/Us" r"ers/[a-z]",
        ]
    )
)
#: What would run or style a page against the policy that the page is sent with.
INLINE = re.compile(
    r"<[^>]*\s(?:on[a-z]+|style)\s*=|<style\b|<script(?![^>]*\ssrc=)|javascript:", re.IGNORECASE
)
#: What would print a value without escaping it.
UNESCAPED = re.compile(r"\|\s*safe\b|autoescape\s+false|Markup\(", re.IGNORECASE)
#: Its shapes are constants of that very file.
DRAWN = Path("templates/macros/icons.html")
MAX_DECISION_LINES = 60


def text_files() -> list[Path]:
    binary = {".png", ".ico", ".woff2", ".mo"}
    return [path for path in project_files() if path.suffix not in binary]


def templates() -> list[Path]:
    return [path for path in project_files() if path.parts[0] == "templates"]


def found_in(paths: list[Path], pattern: re.Pattern[str]) -> list[str]:
    """Return `file:line` of every match."""
    return [
        f"{path}:{number}"
        for path in paths
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_package_host_or_a_path_of_one_machine() -> None:
    assert found_in(text_files(), HOSTS_AND_PATHS) == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    modules = [path for path in project_files() if path.suffix == ".py" and path.parts[0] in {"app", "tests"}]

    assert [str(path) for path in modules if {path.stem, *path.parts} & EMPTY_NAMES] == []


def test_no_page_runs_or_styles_inline() -> None:
    assert found_in(templates(), INLINE) == []


def test_no_page_prints_unescaped() -> None:
    views = [path for path in project_files() if path.parts[:2] == ("app", "web")]
    pages = [path for path in templates() if path != DRAWN]

    assert found_in([*pages, *views], UNESCAPED) == []


@pytest.mark.parametrize(
    "line",
    [
        '<a href="/" onclick="go()">',
        "<p style='color: red'>",
        "<style>",
        "<script>go()</script>",
        '<a href="javascript:go()">',
    ],
)
def test_inline_code_is_found(line: str) -> None:
    assert INLINE.search(line)


@pytest.mark.parametrize(
    "line", ['<script type="module" src="/static/app.js"></script>', "<p>on time = 1</p>"]
)
def test_what_is_not_inline_is_left_alone(line: str) -> None:
    assert not INLINE.search(line)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda path: path.stem
)
def test_a_decision_is_short_and_says_context_decision_consequences(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()

    assert len(lines) <= MAX_DECISION_LINES
    assert [line for line in lines if line.startswith("## ")] == [
        "## Context",
        "## Decision",
        "## Consequences",
    ]
    assert lines[0].startswith(f"# {int(path.name[:4])}. ")


def test_make_help_names_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)

    assert targets is not None
    assert set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)) == set(targets[1].split())


def test_nothing_secret_or_made_is_kept_in_git() -> None:
    private = re.compile(r"(^|/)(\.env|instance/|\.venv/|__pycache__/)|\.(db|sqlite3?|pyc|pem|key)$")

    assert [str(path) for path in project_files() if private.search(path.as_posix())] == []
