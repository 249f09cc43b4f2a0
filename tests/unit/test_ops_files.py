"""Secrets, ports and the list of what runs: what the data directory keeps."""

import os
import stat
from pathlib import Path

import pytest

from services.history import checkpoint
from services.ops import errors, files, keys, ports, state
from services.ops.datadir import DataDir
from services.ops.state import Running


def test_what_was_written_is_read(tmp_path: Path) -> None:
    running = [Running("nats", 12, 4222, 0, state.now()), Running("gateway-1", 13, 8000, 2, state.now())]
    state.write(tmp_path / "state.json", running)
    assert state.read(tmp_path / "state.json") == running


def test_nothing_runs_where_nothing_was_written(tmp_path: Path) -> None:
    assert state.read(tmp_path / "state.json") == []


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    files.replace(path, "before")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.replace(path, "after")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_secrets_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    made = keys.ensure(path)
    assert keys.ensure(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len({made.secret, made.service_key, made.postgres_password}) == 3


def test_a_configured_secret_stands_above_the_embedded_one(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    with pytest.raises(errors.NoSecret, match="ANTIPHON_SECRET"):
        keys.signing_secret({}, path)
    made = keys.ensure(path)
    assert keys.signing_secret({}, path) == made.secret
    assert keys.signing_secret({"ANTIPHON_SECRET": "mine"}, path) == "mine"


def test_the_key_of_checkpoints_is_added_to_what_an_older_release_made(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    with pytest.raises(errors.NoSigningKey, match="ANTIPHON_SIGNING_KEY"):
        keys.signing_key({}, path)
    path.write_text('{"secret": "s", "service_key": "k", "postgres_password": "p"}')
    made = keys.ensure(path)
    assert (made.secret, keys.ensure(path)) == ("s", made)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    checkpoint.private_key(keys.signing_key({}, path))
    (tmp_path / "key").write_text("from a file")
    assert keys.signing_key({"ANTIPHON_SIGNING_KEY_FILE": str(tmp_path / "key")}, path) == "from a file"
    assert keys.signing_key({"ANTIPHON_SIGNING_KEY": "mine"}, path) == "mine"


def test_a_name_keeps_its_port_and_no_two_share_one(tmp_path: Path) -> None:
    book = ports.PortBook(tmp_path / "ports.json")
    given = {name: book.assign(name) for name in ("nats", "postgres", "history-1")}
    assert len(set(given.values())) == 3
    again = ports.PortBook(tmp_path / "ports.json")
    assert {name: again.assign(name) for name in given} == given


def test_a_directory_has_one_owner_at_a_time(tmp_path: Path) -> None:
    place = DataDir(tmp_path)
    assert place.owner() is None
    with place.lock():
        assert place.owner() == os.getpid()
        with pytest.raises(errors.DataDirInUse, match=f"pid {os.getpid()}"), DataDir(tmp_path).lock():
            pass
    assert place.owner() is None


def test_too_little_room_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(errors.DiskFull, match="free some space"):
        DataDir(tmp_path / "data").prepare(min_free_bytes=1 << 62)


def test_a_path_that_can_not_be_a_directory_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.DataDirNotWritable, match="choose another --data-dir"):
        DataDir(tmp_path / "file").prepare()
