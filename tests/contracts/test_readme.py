"""The README keeps its word."""

from __future__ import annotations

import re

from config import ROOT, SETTINGS, Setting


def row_of(setting: Setting) -> str:
    default = setting.default or ""
    if setting.name == "INSTANCE_PATH":
        default = "instance"
    name = f"`{setting.name}`" + (" · secret" if setting.secret else "")
    return f"| {name} | {f'`{default}`' if default else ''} | {setting.help} |"


def test_the_settings_table_is_the_one_in_config() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = "\n".join(["| setting | default | what it is |", "|---|---|---|", *map(row_of, SETTINGS)])

    assert table in readme, f"README.md needs this table:\n{table}"


def test_every_file_that_the_readme_names_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)]+)\)", readme)

    assert len(links) > 3
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_make_target_that_the_readme_names_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert [name for name in re.findall(r"\bmake ([a-z-]+)\b", readme) if f"\n{name}:" not in makefile] == []
