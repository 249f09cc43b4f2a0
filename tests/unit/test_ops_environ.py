"""Settings come from the environment and from `.env`, in this order."""

import re
from pathlib import Path

from services.ops.environ import merged
from services.ops.reference.configuration import configuration_page

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("ANTIPHON_PORT=9000\nANTIPHON_MODEL=small # a comment\n")
    assert merged({"ANTIPHON_PORT": "7000"}, dotenv) == {"ANTIPHON_PORT": "7000", "ANTIPHON_MODEL": "small"}


def test_a_name_without_a_value_sets_nothing(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("ANTIPHON_MODEL\n")
    assert merged({}, dotenv) == {}


def test_no_file_is_no_error(tmp_path: Path) -> None:
    assert merged({"A": "1"}, tmp_path / ".env") == {"A": "1"}


def test_the_example_sets_nothing_by_itself() -> None:
    assert merged({}, EXAMPLE) == {}


def test_the_example_names_every_setting_of_every_service() -> None:
    settings = set(re.findall(r"^\| `(\w+)`", configuration_page(), re.MULTILINE))
    named = set(re.findall(r"^# (\w+)=", EXAMPLE.read_text(), re.MULTILINE))
    assert settings - named == {"ANTIPHON_INSTANCE"}, "`up` names its processes; all else is a person's to set"
