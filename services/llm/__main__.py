"""`python -m services.llm`."""

from services.llm.app import app
from services.llm.settings import LlmSettings
from shared.service import run


def main() -> None:
    """Runs one worker until it is told to stop."""
    run("llm", LlmSettings(), app)


if __name__ == "__main__":
    main()
