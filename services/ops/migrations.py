"""The schema `log`, brought to a revision. The scripts belong to history; this only runs them."""

import asyncio
import io
import logging
from importlib.resources import files
from typing import TextIO

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from services.ops import database, errors


def config(database_url: str, output: TextIO | None = None) -> Config:
    """Alembic's configuration in code: scripts of `services.history`, the address with no driver named."""
    made = Config(stdout=output) if output else Config()
    made.set_main_option("script_location", str(files("services.history") / "migrations"))
    made.set_main_option("sqlalchemy.url", database.plain(database_url).replace("%", "%%"))
    return made


async def upgrade(database_url: str, revision: str = "head") -> None:
    """The schema is at `revision`, which lies at or above where it was.

    Raises:
        MigrationFailed: with what the database or alembic said.
    """
    await asyncio.to_thread(migrate, config(database_url), revision)


def migrate(configured: Config, revision: str, sql: bool = False) -> None:
    """The schema is at `revision`, above or below where it was. With `sql`, the statements are printed instead.

    Raises:
        MigrationFailed: with what the database or alembic said.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        if not sql and _lies_below(configured, revision):
            command.downgrade(configured, revision)
        else:
            command.upgrade(configured, revision, sql=sql)
    except Exception as error:  # scripts may raise anything; the person needs one sentence
        raise errors.MigrationFailed(
            revision=revision, reason=(" ".join(str(error).split()) or type(error).__name__)[:300]
        ) from error


def current(database_url: str) -> str | None:
    """The revision the database is at, None if it was never migrated. Blocks."""
    output = io.StringIO()
    command.current(config(database_url, output))
    words = output.getvalue().split()
    return words[0] if words else None


def head() -> str | None:
    """The newest revision there is."""
    return ScriptDirectory.from_config(config("postgresql://")).get_current_head()


def _lies_below(configured: Config, revision: str) -> bool:
    if revision in {"head", "heads"} or revision.startswith("+"):
        return False
    if revision == "base" or revision.startswith("-"):
        return True
    url = configured.get_main_option("sqlalchemy.url")
    now = current(url) if url else None
    if now is None or now == revision:
        return False
    scripts = ScriptDirectory.from_config(configured)
    below = {script.revision for script in scripts.walk_revisions("base", now)}
    return scripts.get_revision(revision).revision in below
