"""The kinds of columns that the read models are made of."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    Numeric,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP, TSVECTOR
from sqlalchemy.schema import SchemaItem

from shared.fold.rows import MONEY_DIGITS

metadata = MetaData()

# Cyrillic words lose their Russian endings and Latin ones their English ones, so both languages are found in every
# form, in one index; words of other languages are found as they are written.
LANGUAGE = "russian"
SEARCHED_CHARS = 65_536  # of one message: the words of any such text fit the megabyte that a tsvector may have
WITHIN = 1  # the character that the word for a place begins with; no word of a text does


def text_column(name: str, null: bool = False) -> Column[str]:
    """Text."""
    return Column(name, Text, nullable=null)


def one_of(name: str, *choices: str) -> Column[str]:
    """One of these words."""
    listed = ", ".join(f"'{choice}'" for choice in choices)
    return Column(name, Text, CheckConstraint(f"{name} IN ({listed})"), nullable=False)


def count(name: str) -> Column[int]:
    """How many, from 0."""
    return Column(name, BigInteger, CheckConstraint(f"{name} >= 0"), nullable=False, server_default="0")


def number(name: str) -> Column[int]:
    """A small number, from 0."""
    return Column(name, Integer, CheckConstraint(f"{name} >= 0"), nullable=False)


def tokens() -> tuple[Column[int], ...]:
    """What models have read and written. `cached_tokens` are part of `input_tokens`."""
    return count("input_tokens"), count("output_tokens"), count("cached_tokens")


def money(name: str, null: bool = False) -> Column[Any]:
    """US dollars. Null: nobody knows the price."""
    return Column(name, Numeric(20, MONEY_DIGITS), CheckConstraint(f"{name} >= 0"), nullable=null)


def truth(name: str) -> Column[bool]:
    """Yes or no."""
    return Column(name, Boolean, nullable=False)


def json(name: str) -> Column[Any]:
    """A JSON object or list."""
    return Column(name, JSONB, nullable=False)


def time(name: str, null: bool = False) -> Column[Any]:
    """A moment."""
    return Column(name, TIMESTAMP(timezone=True), nullable=null)


def seq(name: str = "seq") -> Column[int]:
    """A position in the log; 0: none."""
    return Column(name, BigInteger, nullable=False)


def words(column: str, within: str = "") -> Column[Any]:
    """What another column says, as full text search needs it. With `within`, that column's value is a word, too: then
    the index finds what is said there without going through all that is said elsewhere.
    """
    made = f"to_tsvector('{LANGUAGE}'::regconfig, left({column}, {SEARCHED_CHARS}))"
    if within:
        made += f" || array_to_tsvector(ARRAY[chr({WITHIN}) || {within}])"
    return Column("words", TSVECTOR, Computed(made, persisted=True))


def of(parent: str, *columns: str) -> SchemaItem:
    """The row belongs to one of `parent`, and goes with it."""
    return ForeignKeyConstraint(columns, [f"{parent}.{column}" for column in columns], ondelete="CASCADE")
