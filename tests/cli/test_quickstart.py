"""`flask quickstart`, as a newcomer runs it: in a copy of the project, as a process of its own."""

from __future__ import annotations

import json
import socket
import sqlite3
from pathlib import Path

import pytest
from dotenv import dotenv_values

from tests.trial import Trial


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path / "a market")


def catalogue(trial: Trial) -> list[tuple[int, str, str]]:
    with sqlite3.connect(trial.instance / "mcp_market.db") as database:
        return database.execute("SELECT id, name, url FROM mcp_servers ORDER BY id").fetchall()


def test_the_first_run_makes_everything_and_says_it_in_three_lines(trial: Trial) -> None:
    done = trial.flask("quickstart")

    assert done.returncode == 0, done.stderr
    demo, settings = trial.demo(), dotenv_values(trial.folder / ".env")
    assert demo["url"] == "http://127.0.0.1:8000"
    assert [line[:2] for line in done.stdout.splitlines()] == ["1.", "2.", "3."]
    for name in ("url", "email", "password", "demo_token"):
        assert demo[name] in done.stdout
        assert name == "url" or demo[name] not in done.stderr
    assert settings["APP_ENV"] == "development"
    assert settings["EGRESS_ALLOW"] == "127.0.0.1:8001"
    # The secrets that the instance folder gave are the ones that are written down.
    for name in ("SECRET_KEY", "TOKEN_ENCRYPTION_SECRET"):
        assert settings[name] == (trial.instance / f"{name.lower()}.txt").read_text()
    assert (demo["demo_server_id"], "Demo server", "http://127.0.0.1:8001/mcp") in catalogue(trial)
    assert len(catalogue(trial)) > 10


def test_what_it_writes_is_for_its_owner_alone(trial: Trial) -> None:
    trial.flask("quickstart")

    modes = {
        path.name: path.stat().st_mode & 0o777
        for path in (trial.instance, trial.folder / ".env", trial.instance / "quickstart.json")
    }
    assert modes == {"instance": 0o700, ".env": 0o600, "quickstart.json": 0o600}


def test_a_second_run_keeps_everything(trial: Trial) -> None:
    trial.flask("quickstart")
    before = (trial.demo(), (trial.folder / ".env").read_text(), catalogue(trial))

    done = trial.flask("quickstart", APP_ENV="")

    assert done.returncode == 0, done.stderr
    assert (trial.demo(), (trial.folder / ".env").read_text(), catalogue(trial)) == before


def test_what_is_missing_is_made_again(trial: Trial) -> None:
    trial.flask("quickstart")
    before = trial.demo()
    (trial.instance / "quickstart.json").write_text("{")
    trial.flask("servers", "delete", "--yes", "demo-server")

    done = trial.flask("quickstart")

    after = trial.demo()
    assert done.returncode == 0, done.stderr
    assert after["email"] == before["email"]
    assert after["password"] != before["password"]
    assert (after["demo_server_id"], "Demo server", after["demo_url"]) in catalogue(trial)


def test_other_ports_move_the_app_and_the_demo_server(trial: Trial) -> None:
    (trial.folder / ".env").write_text("EGRESS_ALLOW=10.0.0.1:80\n")
    trial.flask("quickstart")
    before = trial.demo()

    done = trial.flask("quickstart", PORT="8010", DEMO_MCP_PORT="8011")

    assert done.returncode == 0, done.stderr
    settings = dotenv_values(trial.folder / ".env")
    moved = {"url": "http://127.0.0.1:8010", "demo_url": "http://127.0.0.1:8011/mcp"}
    assert trial.demo() == before | moved
    assert settings["EGRESS_ALLOW"] == "10.0.0.1:80 127.0.0.1:8011"
    # `flask run` serves where the first line says.
    assert settings["FLASK_RUN_PORT"] == "8010"


def test_secrets_that_a_person_set_stay_theirs(trial: Trial, tmp_path: Path) -> None:
    mine = "a-secret-of-my-own-0123456789-ABCDEFG"
    (trial.folder / ".env").write_text(f"# mine\nSECRET_KEY={mine}\n")
    from_file = tmp_path / "secret"
    from_file.write_text("another-secret-of-mine-9876543210-HIJK\n")

    done = trial.flask("quickstart", TOKEN_ENCRYPTION_SECRET_FILE=str(from_file))

    assert done.returncode == 0, done.stderr
    assert (trial.folder / ".env").read_text().startswith(f"# mine\nSECRET_KEY={mine}\n")
    assert "TOKEN_ENCRYPTION_SECRET" not in dotenv_values(trial.folder / ".env")


def test_it_refuses_in_production(trial: Trial) -> None:
    secrets = {
        "SECRET_KEY": "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX",
        "TOKEN_ENCRYPTION_SECRET": "9zY8xW7vU6tS5rQ4pO3nM2lK1jI0hG9fE8dC",
    }

    done = trial.flask("quickstart", APP_ENV="production", **secrets)

    assert done.returncode == 2
    assert "APP_ENV=development" in done.stderr
    assert not (trial.folder / ".env").exists()
    assert not (trial.instance / "mcp_market.db").exists()


def test_it_refuses_in_the_folder_of_a_production_site(trial: Trial) -> None:
    (trial.folder / ".env").write_text("APP_ENV=production\n")

    done = trial.flask("quickstart", APP_ENV="development")

    assert done.returncode == 2
    assert (trial.folder / ".env").read_text() == "APP_ENV=production\n"
    assert not (trial.instance / "mcp_market.db").exists()


@pytest.mark.parametrize(("taken", "hint"), [(0, "make run PORT="), (1, "make run DEMO_MCP_PORT=")])
def test_a_port_in_use_stops_it_before_anything_is_made(trial: Trial, taken: int, hint: str) -> None:
    with socket.socket() as listener, socket.socket() as other:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        other.bind(("127.0.0.1", 0))
        ports = [str(other.getsockname()[1])] * 2
        ports[taken] = str(listener.getsockname()[1])
        other.close()

        done = trial.flask("quickstart", "--serve", "--port", ports[0], "--demo-port", ports[1])

    assert done.returncode == 1
    assert f"Port {ports[taken]} is in use. Choose another: {hint}" in done.stderr
    assert not (trial.folder / ".env").exists()


def test_one_port_for_both_is_refused(trial: Trial) -> None:
    done = trial.flask("quickstart", "--serve", "--port", "8010", "--demo-port", "8010")

    assert done.returncode == 1
    assert "two different ones" in done.stderr


def test_the_demo_server_needs_a_quickstart(trial: Trial) -> None:
    done = trial.flask("demo-server")

    assert done.returncode == 1
    assert "flask quickstart" in done.stderr


def test_a_demo_file_of_another_kind_is_written_anew(trial: Trial) -> None:
    trial.instance.mkdir()
    (trial.instance / "quickstart.json").write_text(json.dumps(["not", "ours"]))

    done = trial.flask("quickstart")

    assert done.returncode == 0, done.stderr
    assert trial.demo()["email"] == "demo@example.com"
