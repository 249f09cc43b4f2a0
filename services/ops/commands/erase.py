"""`antiphon erase`: what somebody said is gone for good, and that it was is on record."""

import asyncio
import getpass
from typing import Annotated, Any

import typer

from services.ops import bus, errors
from services.ops.commands.context import DEFAULT_DATA_DIR, DataDirOption, NatsOption, nats_url
from services.ops.datadir import DataDir
from shared import errors as refusals
from shared.bus.query import QueryClient

DEADLINE_S = 60.0

ByOption = Annotated[str | None, typer.Option(help="Who orders it; the name of your account if left out.")]


def erase(
    session: Annotated[str, typer.Option(help="The session's id.")],
    reason: Annotated[str, typer.Option(help="Why; it goes on record, for ever.")],
    message: Annotated[
        list[str] | None, typer.Option(help="A message's (or reply's) id; its edits go too. May be given again.")
    ] = None,
    user: Annotated[str | None, typer.Option(help="Instead: all that this user said there, with the answers.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Instead: all that was said in the session.")] = False,
    by: ByOption = None,
    nats: NatsOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Erase what was said, from the log, the stream and the read models. It can't be had back."""
    if bool(message) + (user is not None) + everything != 1:
        raise errors.NotErased(reason="say either --message, --user or --all")
    order = {"session_id": session, "message_ids": message or [], "user": user, "everything": everything}
    order |= {"reason": reason, "by": by or getpass.getuser()}
    done = asyncio.run(_erase(nats_url(nats, DataDir(data_dir.absolute())), order))
    where = ", ".join(map(str, done["erasures"])) or "nowhere: nothing was left to erase"
    print(f"erased {done['events']} events with {len(done['message_ids'])} messages; on record at {where}")
    if not done["done"]:
        print("the stream still holds them: history deletes them there when it can")


async def _erase(url: str, order: dict[str, Any]) -> dict[str, Any]:
    async with bus.opened(url) as connected:
        try:
            answer: dict[str, Any] = await QueryClient(connected).ask("history", "erase", order, DEADLINE_S)
        except refusals.AntiphonError as error:
            raise errors.NotErased(reason=error.detail) from None
    return answer
