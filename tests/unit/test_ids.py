"""Identifiers."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import ids


def test_a_new_id_is_of_now_and_unlike_the_last() -> None:
    before, made, after = time.time_ns() // 10**6, ids.uuid7(), time.time_ns() // 10**6
    assert ids.is_uuid7(made)
    assert before <= ids.time_ms(made) <= after
    assert ids.uuid7() != made


@given(st.integers(0, 2**48 - 1), st.text(), st.text())
def test_a_derived_id_keeps_its_cause_time_and_depends_on_both_parts(ms: int, one: str, other: str) -> None:
    cause = ids.uuid7(ms)
    derived = ids.derived(cause, one)
    assert ids.is_uuid7(derived)
    assert ids.time_ms(derived) == ms
    assert derived == ids.derived(cause, one)
    assert (derived == ids.derived(cause, other)) == (one == other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "4f3c6f0e-6f0f-4c44-8f6f-3a4a3a4a3a4a",
        "01A1FCC7-8B19-7327-B187-D6B5D0BC4256",
        "{01a1fcc7-8b19-7327-b187-d6b5d0bc4256}",
    ],
)
def test_only_canonical_version_7_counts(text: str) -> None:
    assert not ids.is_uuid7(text)
