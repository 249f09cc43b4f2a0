"""docker-compose.yml and what it leads to: valid, complete, and about settings that exist."""

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic_settings import BaseSettings
from ruamel.yaml import YAML

from services.gateway.settings import GatewaySettings
from services.history.settings import HistorySettings
from services.llm.settings import LlmSettings
from services.projector.settings import ProjectorSettings

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "deploy/Dockerfile"
SETTINGS: dict[str, type[BaseSettings]] = {
    "gateway": GatewaySettings,
    "history": HistorySettings,
    "projector": ProjectorSettings,
    "llm": LlmSettings,
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file with its anchors resolved."""
    loaded: dict[str, Any] = YAML(typ="safe").load(COMPOSE)
    return loaded


@pytest.fixture(scope="module")
def ours(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The containers that run the image built here."""
    return {name: one for name, one in compose["services"].items() if one["image"].startswith("antiphon:")}


def instructions(name: str) -> list[list[str]]:
    """The arguments of every instruction of that name in the Dockerfile."""
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    return [shlex.split(line)[1:] for line in text.splitlines() if line.split(" ")[0] == name]


def test_the_compose_file_is_valid() -> None:
    program = Path(sys.executable).parent / "check-jsonschema"
    argv = [str(program), "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    checked = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_everything_that_the_system_needs_is_there(compose: dict[str, Any]) -> None:
    services = compose["services"]
    wanted = {
        "proxy",
        "gateway-1",
        "gateway-2",
        "history",
        "projector",
        "llm-1",
        "llm-2",
        "nats",
        "postgres",
        "migrate",
    }
    assert wanted == set(services)
    for name, one in services.items():
        assert name == "migrate" or one["healthcheck"]["test"], name
        assert set(one.get("depends_on", ())) <= set(services), name


def test_images_are_pinned(compose: dict[str, Any]) -> None:
    for image in [one["image"] for one in compose["services"].values()] + [words[0] for words in instructions("FROM")]:
        assert re.fullmatch(r"[a-z/]+:\d[\w.-]*", image), image


def test_files_that_are_mounted_exist_and_volumes_are_declared(compose: dict[str, Any]) -> None:
    for one in compose["services"].values():
        for volume in one.get("volumes", ()):
            source = volume.split(":")[0]
            assert (ROOT / source).is_file() if source.startswith("./") else source in compose["volumes"], volume


def test_every_command_names_something_that_runs(ours: dict[str, dict[str, Any]]) -> None:
    for name, one in ours.items():
        match one["command"]:
            case ["python", "-m", module]:
                assert importlib.util.find_spec(f"{module}.__main__"), name
            case ["antiphon", subcommand]:
                assert importlib.util.find_spec(f"services.ops.commands.{subcommand}"), name
            case other:
                pytest.fail(f"{name} runs {other}")


def test_services_are_told_only_what_they_know(ours: dict[str, dict[str, Any]]) -> None:
    for name, one in ours.items():
        if name == "migrate":
            continue
        model = SETTINGS[name.partition("-")[0]]
        known = {f"ANTIPHON_{field.upper()}" for field in model.model_fields}
        known |= {str(field.validation_alias) for field in model.model_fields.values() if field.validation_alias}
        known |= {"FORWARDED_ALLOW_IPS"} if name.startswith("gateway") else set()  # uvicorn's own
        assert set(one["environment"]) <= known, name


def test_every_instance_has_a_name_of_its_own(ours: dict[str, dict[str, Any]]) -> None:
    names = [one["environment"]["ANTIPHON_INSTANCE"] for name, one in ours.items() if name != "migrate"]
    assert len(names) == len(set(names))


def test_what_the_image_is_made_of_exists_and_reaches_the_build(compose: dict[str, Any]) -> None:
    assert (ROOT / compose["services"]["history"]["build"]["dockerfile"]) == DOCKERFILE
    rules = (ROOT / "deploy/Dockerfile.dockerignore").read_text().split("\n")
    for *sources, _target in instructions("COPY"):
        for source in sources:
            if sources[0].startswith("--from="):
                continue
            assert (ROOT / source).exists(), source
            assert f"!{source.split('/')[0]}" in rules, source


def test_the_proxy_knows_every_gateway(ours: dict[str, dict[str, Any]]) -> None:
    caddyfile = (ROOT / "deploy/Caddyfile").read_text()
    for name in ours:
        assert not name.startswith("gateway") or f"{name}:8000" in caddyfile
