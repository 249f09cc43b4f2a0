"""Every format of a transcript by its name, which is also the suffix of its files."""

from collections.abc import Mapping

from shared.transcript.formats.base import Format
from shared.transcript.formats.markdown import Markdown
from shared.transcript.formats.page import Page
from shared.transcript.formats.records import Csv, Json, JsonLines

FORMATS: Mapping[str, type[Format]] = {"json": Json, "jsonl": JsonLines, "md": Markdown, "html": Page, "csv": Csv}

__all__ = ["FORMATS", "Format"]
