from __future__ import annotations

from pathlib import Path

import pytest

from app.cli.dotenv_file import read_dotenv, set_dotenv


@pytest.fixture
def dotenv(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def test_a_missing_file_is_made_for_its_owner_alone(dotenv: Path) -> None:
    set_dotenv(dotenv, {"APP_ENV": "development"})

    assert dotenv.read_text() == "APP_ENV=development\n"
    assert dotenv.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in dotenv.parent.iterdir()] == [".env"]


def test_everything_that_a_person_wrote_stays(dotenv: Path) -> None:
    dotenv.write_text("# mine\nexport LOG_LEVEL=debug\n\nX='a # b'\nno newline at the end=1")

    set_dotenv(dotenv, {"APP_ENV": "development"})

    assert dotenv.read_text() == (
        "# mine\nexport LOG_LEVEL=debug\n\nX='a # b'\nno newline at the end=1\nAPP_ENV=development\n"
    )


def test_a_value_is_set_in_its_own_line(dotenv: Path) -> None:
    dotenv.write_text('EGRESS_ALLOW="10.0.0.1:80"\nMY_EGRESS_ALLOW=1\nSECRET_KEY=\n')

    set_dotenv(dotenv, {"EGRESS_ALLOW": "10.0.0.1:80 127.0.0.1:8001", "SECRET_KEY": "s"})

    assert dotenv.read_text() == (
        'EGRESS_ALLOW="10.0.0.1:80 127.0.0.1:8001"\nMY_EGRESS_ALLOW=1\nSECRET_KEY=s\n'
    )
    assert read_dotenv(dotenv)["EGRESS_ALLOW"] == "10.0.0.1:80 127.0.0.1:8001"


def test_a_file_that_others_could_read_is_closed(dotenv: Path) -> None:
    dotenv.write_text("SECRET_KEY=s\n")
    dotenv.chmod(0o644)

    set_dotenv(dotenv, {})

    assert dotenv.read_text() == "SECRET_KEY=s\n"
    assert dotenv.stat().st_mode & 0o777 == 0o600


def test_a_blank_value_counts_as_missing(dotenv: Path) -> None:
    dotenv.write_text("SECRET_KEY=\nLOG_LEVEL=debug\n")

    assert read_dotenv(dotenv) == {"LOG_LEVEL": "debug"}
