"""Settings come from the environment and from `.env`; where both name one, the environment wins."""

from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values


def merged(environ: Mapping[str, str], dotenv: Path) -> dict[str, str]:
    """The environment, completed by the settings of `dotenv` that it doesn't have. A missing file is no error."""
    written = {name: value for name, value in dotenv_values(dotenv).items() if value is not None}
    return {**written, **environ}
