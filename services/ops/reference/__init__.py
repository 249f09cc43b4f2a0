"""Reference pages made from the code: `docs/events.md`, `docs/asyncapi.json`, `docs/configuration.md`.

`make docs` writes them; a test makes them again and compares, so they can't go stale.
"""

from pathlib import Path

from services.ops.reference.asyncapi import asyncapi_page
from services.ops.reference.configuration import configuration_page
from services.ops.reference.events import events_page

PAGES = {
    "events.md": events_page,
    "asyncapi.json": asyncapi_page,
    "configuration.md": configuration_page,
}


def write(folder: Path) -> list[Path]:
    """Writes every page into `folder`; the paths written."""
    written = []
    for name, page in PAGES.items():
        path = folder / name
        path.write_text(page())
        written.append(path)
    return written
