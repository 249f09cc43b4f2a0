"""Runs a gateway: `python -m services.gateway`."""

from pydantic import ValidationError

from services.gateway.app import app
from services.gateway.settings import MIN_SECRET_CHARS, GatewaySettings
from shared.service import run


def main() -> None:
    """Runs until SIGTERM. A setting that is missing or wrong ends it at once, with one sentence."""
    try:
        settings = GatewaySettings()  # from the environment
    except ValidationError as error:
        raise SystemExit(_sentence(error)) from None
    run("gateway", settings, app)


def _sentence(error: ValidationError) -> str:
    wrong = error.errors(include_url=False, include_input=False, include_context=False)[0]
    name = f"ANTIPHON_{wrong['loc'][0]}".upper()
    if name == "ANTIPHON_SECRET":
        return f"{name} must be set to at least {MIN_SECRET_CHARS} characters, the same for every gateway."
    return f"{name}: {wrong['msg']}."


if __name__ == "__main__":
    main()
