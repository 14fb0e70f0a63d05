"""The project's own files, as git keeps them: for guards that read them, and for trying a fresh clone."""

from __future__ import annotations

import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def project_files() -> list[Path]:
    """Return the files that are in git or would be added to it, relative to the root, sorted.

    Works in a folder without git too, by the plain names in `.gitignore`.
    """
    names = _listed_by_git() if (ROOT / ".git").exists() else _not_ignored()
    return sorted(path for path in names if (ROOT / path).is_file())


def copy_project(folder: Path) -> Path:
    """Copy the project's files into a new folder and return it: what a fresh clone would hold."""
    for path in project_files():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, target)
    return folder


def _listed_by_git() -> set[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return {Path(name) for name in listed.stdout.split("\0") if name}


def _not_ignored() -> set[Path]:
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines() if line]
    paths = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
    return {path for path in paths if not any(fnmatch(part, name) for part in path.parts for name in ignored)}
