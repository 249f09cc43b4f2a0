"""`antiphon token`: mints a token for a user of this system."""

import re
from typing import Annotated

import typer

from services.ops import errors, keys
from services.ops.commands.context import DEFAULT_DATA_DIR, DataDirOption, environment
from services.ops.datadir import DataDir
from shared import auth

UNIT_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def token(
    context: typer.Context,
    user: Annotated[str, typer.Option(help="The user's id.")],
    name: Annotated[str, typer.Option(help="The name others see; the id if left out.")] = "",
    ttl: Annotated[str, typer.Option(help="How long it is good: seconds, or a number with s, m, h or d.")] = "30d",
    operator: Annotated[bool, typer.Option("--operator", help="May ask across users.")] = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Mint a token and print it."""
    if not auth.is_user(user):
        raise errors.BadUser(text=user, rule=auth.USERS)
    secret = keys.signing_secret(environment(context), DataDir(data_dir.absolute()).secrets_file)
    print(auth.mint(secret, user, name=name, ttl_s=seconds(ttl), operator=operator))


def seconds(text: str) -> int:
    """The duration in seconds.

    Raises:
        BadDuration: it isn't one.
    """
    match = re.fullmatch(r"([1-9]\d{0,9})([smhd]?)", text.strip())
    if match is None:
        raise errors.BadDuration(text=text)
    return int(match[1]) * UNIT_S[match[2]]
