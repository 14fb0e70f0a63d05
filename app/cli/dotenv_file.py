"""The `.env` file: values are set in it, and everything else that a person wrote there stays."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values


def read_dotenv(path: Path) -> dict[str, str]:
    """Return name → value of every line that sets something; empty when there is no file."""
    return {name: value for name, value in dotenv_values(path, interpolate=False).items() if value}


def set_dotenv(path: Path, values: Mapping[str, str]) -> None:
    """Set the values in the file, whose mode becomes 0600. Other lines and their order stay."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for name, value in values.items():
        text = _with_line(text, name, f'{name}="{value}"' if " " in value else f"{name}={value}")
    write_private(path, text)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, in one step: a reader sees the old or the new one."""
    path = path.resolve()  # a link stays a link
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _with_line(text: str, name: str, line: str) -> str:
    """Return the text with the line in the place of the last one that sets the name, else at the end."""
    found = list(re.finditer(rf"^[ \t]*(?:export[ \t]+)?{name}[ \t]*=.*$", text, re.MULTILINE))
    if found:
        return text[: found[-1].start()] + line + text[found[-1].end() :]
    between = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{between}{line}\n"
