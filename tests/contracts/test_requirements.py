"""What is installed is what pyproject.toml asks for, to the hash."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.checkout import ROOT

PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")
PLAIN = re.compile(r"^[A-Za-z0-9._-]+==")
WITH_EXTRAS = re.compile(r"^[A-Za-z0-9._-]+\[")


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


@pytest.mark.parametrize("filename", ["requirements.txt", "requirements-dev.txt"])
def test_what_is_needed_with_extras_is_pinned_with_them_and_without(filename: str) -> None:
    """Before pip 23.3 a need with extras and one without are two, and one without a pin gets the newest."""
    lines = (ROOT / filename).read_text(encoding="utf-8").splitlines()
    plain = {canonicalize_name(Requirement(line.rstrip(" \\")).name) for line in lines if PLAIN.match(line)}
    found = (Requirement(line.rstrip(" \\")) for line in lines if WITH_EXTRAS.match(line))
    with_extras = {(canonicalize_name(pin.name), frozenset(pin.extras)) for pin in found}

    asked = {need for name in pins_of(filename) for need in needs_with_extras(name)}

    assert asked - with_extras == set(), "run `make lock`"
    assert {name for name, _ in with_extras} - plain == set(), "run `make lock`"
    assert asked


def needs_with_extras(name: str) -> set[tuple[str, frozenset[str]]]:
    """Return what an installed distribution needs here with extras, optional needs left aside."""
    try:
        needs = [Requirement(line) for line in metadata.requires(name) or []]
    except metadata.PackageNotFoundError:
        # Pinned for another system.
        return set()
    here = (need for need in needs if need.extras and (not need.marker or need.marker.evaluate()))
    return {(canonicalize_name(need.name), frozenset(need.extras)) for need in here}
