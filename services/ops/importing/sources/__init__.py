"""The layouts that are known, told apart by their tables."""

from collections.abc import Callable, Mapping

from services.ops import errors
from services.ops.importing.old import Source
from services.ops.importing.sources.database import Database
from services.ops.importing.sources.instances import Instances
from services.ops.importing.sources.json_texts import JsonTexts
from services.ops.importing.sources.threads import Threads

LAYOUTS: Mapping[str, Callable[[Database, str | None], Source]] = {
    "json-texts": JsonTexts,
    "instances": Instances,
    "threads": Threads,
}
_TELLTALES = {
    "json-texts": ("sessions", "messages"),
    "instances": ("ChatSessions", "Id"),
    "threads": ("chat_sessions", ""),
}


def recognised(database: Database) -> str:
    """The layout of this database.

    Raises:
        BadImport: it is none of those that are known, or more than one.
    """
    found = []
    for layout, (table, column) in _TELLTALES.items():
        columns = database.columns(table)
        if columns and (not column or column in columns):
            found.append(layout)
    if len(found) != 1:
        told = "looks like " + " and ".join(found) if found else f"has none of the known layouts: {', '.join(LAYOUTS)}"
        raise errors.BadImport(reason=f"the source {told}; choose one with --layout")
    return found[0]
