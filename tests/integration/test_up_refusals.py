"""What `antiphon` can't do, it says in one sentence that tells what to do, with exit code 1."""

import socket
import subprocess
from pathlib import Path

import pytest

from services.ops import errors
from services.ops.datadir import DataDir
from services.ops.embedded import binaries
from services.ops.settings import UpSettings
from shared import auth
from tests.support.services import CLEAN, SECRET
from tests.support.system import antiphon, free_pair


def sentence(answer: subprocess.CompletedProcess[str]) -> str:
    """The one line a person gets; anything else fails the test."""
    assert answer.returncode == 1, answer
    assert answer.stderr.count("\n") == 1, answer.stderr
    return answer.stderr


def test_a_second_up_on_the_same_data_directory_is_refused(tmp_path: Path) -> None:
    place = DataDir(tmp_path)
    place.prepare()
    with place.lock():
        told = sentence(antiphon("up", "--data-dir", str(tmp_path), cwd=tmp_path))
    assert "antiphon stop" in told


@pytest.mark.parametrize("which", [0, 1], ids=["the first gateway's", "the second gateway's"])
def test_a_port_in_use_is_named(tmp_path: Path, which: int) -> None:
    port = free_pair()
    with socket.create_server(("127.0.0.1", port + which)):
        told = sentence(antiphon("up", "--data-dir", str(tmp_path / "data"), "--port", str(port), cwd=tmp_path))
    assert f"Port {port + which} is already in use" in told
    assert "--port" in told


def test_an_address_that_is_no_address_is_not_called_a_port_in_use(tmp_path: Path) -> None:
    told = sentence(antiphon("up", "--data-dir", str(tmp_path / "data"), cwd=tmp_path, ANTIPHON_HOST="no address"))
    assert "Nothing can listen on port 8000 of no address" in told


def test_addresses_of_ipv6_are_addresses(tmp_path: Path) -> None:
    assert UpSettings({}, gateways=1, host="::").addresses == ["http://[::1]:8000"]
    port = free_pair()
    try:
        listener = socket.create_server(("::1", port), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listener:
        told = sentence(antiphon("up", "--data-dir", str(tmp_path), "--port", str(port), ANTIPHON_HOST="::1"))
    assert f"Port {port} is already in use" in told


def test_a_directory_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = sentence(antiphon("up", "--data-dir", str(tmp_path / "file" / "data"), cwd=tmp_path))
    assert "can't be written" in told


@pytest.mark.parametrize("command", [["ps"], ["stop"], ["migrate"]])
def test_where_nothing_runs_the_way_to_start_is_named(tmp_path: Path, command: list[str]) -> None:
    assert "antiphon up" in sentence(antiphon(*command, "--data-dir", str(tmp_path), cwd=tmp_path))


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(errors.BinaryMissing, match="ANTIPHON_DATABASE_URL"):
        binaries.postgres_bin()


def test_without_a_secret_no_token_is_made(tmp_path: Path) -> None:
    told = sentence(antiphon("token", "--user", "anna", cwd=tmp_path, ANTIPHON_SECRET=""))
    assert "ANTIPHON_SECRET" in told
    assert "nobody's id" in sentence(antiphon("token", "--user", "svc/llm", cwd=tmp_path))


def test_a_token_proves_who_asked_for_it(tmp_path: Path) -> None:
    answer = antiphon("token", "--user", "anna", "--name", "Anna", "--ttl", "1h", "--operator", cwd=tmp_path)
    identity = auth.verify(CLEAN["ANTIPHON_SECRET"], answer.stdout.strip())
    assert (identity.user, identity.name, identity.operator) == ("anna", "Anna", True)


def test_a_setting_of_the_dotenv_file_counts(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"ANTIPHON_DATA_DIR={tmp_path / 'elsewhere'}\n")
    assert str(tmp_path / "elsewhere") in sentence(antiphon("ps", cwd=tmp_path))


def test_doctor_names_a_remedy_for_everything_that_is_wrong(tmp_path: Path) -> None:
    answer = antiphon("doctor", "--data-dir", str(tmp_path / "data"), cwd=tmp_path)
    assert answer.returncode == 1
    lines = answer.stdout.splitlines()
    failed = [number for number, line in enumerate(lines) if line.startswith("fail")]
    assert failed
    assert all("→" in lines[number + 1] for number in failed)
    assert SECRET not in answer.stdout


def test_doctor_names_what_is_wrong_in_the_agents_file(tmp_path: Path) -> None:
    file = tmp_path / "agents.toml"
    file.write_text('default = "tutor"\n[agents.coordinator]\ndescription = "Talks."\nhands_over_to = ["nobody"]\n')
    answer = antiphon("doctor", cwd=tmp_path, ANTIPHON_AGENTS_FILE=str(file))
    assert "default: there is no agent 'tutor'" in answer.stdout
    assert "agents.coordinator.hands_over_to: there is no other agent 'nobody'" in answer.stdout
