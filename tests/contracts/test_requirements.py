"""What is installed is what pyproject.toml asks for, to the hash."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.checkout import ROOT

PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")


def pins_of(filename: str) -> dict[str, str]:
    """Return name → version of everything that the file installs."""
    lines = (ROOT / filename).read_text(encoding="utf-8").splitlines()
    found = (PINNED.match(line) for line in lines)
    return {canonicalize_name(match[1]): match[2] for match in found if match}


def wanted(*extras: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [
        *project["dependencies"],
        *(line for name in extras for line in project["optional-dependencies"][name]),
    ]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(
    ("filename", "extras"),
    [("requirements.txt", ["postgres", "redis"]), ("requirements-dev.txt", ["postgres", "redis", "dev"])],
)
def test_every_need_is_pinned_within_its_range(filename: str, extras: list[str]) -> None:
    pins = pins_of(filename)

    misfits = [
        str(need)
        for need in wanted(*extras)
        if not need.specifier.contains(pins.get(canonicalize_name(need.name), "0"), prereleases=True)
    ]

    assert misfits == []


def test_development_installs_the_very_versions_that_run() -> None:
    runtime, development = pins_of("requirements.txt"), pins_of("requirements-dev.txt")

    assert runtime.items() <= development.items()


@pytest.mark.parametrize("filename", ["requirements.txt", "requirements-dev.txt"])
def test_everything_installed_is_pinned_and_hashed(filename: str) -> None:
    text = (ROOT / filename).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]

    assert [line[:60] for line in lines if not PINNED.match(line) or "--hash=sha256:" not in line] == []


def test_every_range_has_an_end() -> None:
    # A tool for types or tests may move; what runs beside the tokens moves when we say so.
    assert [str(need) for need in wanted("postgres") if "<" not in str(need.specifier)] == []
