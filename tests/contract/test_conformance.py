"""The page of promises names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/conformance.md").read_text()))
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").glob("*/test_*.py"))
    assert len(named) > 40
    assert named - set(re.findall(r"def (test_\w+)\(", sources)) == set()
