"""A bar for long work: how far, how fast, how long still. It is for people, so it goes to stderr."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

Advance = Callable[[int, int | None], None]


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Steps per second."""
        return Text(f"{task.speed or 0:,.0f}/s")


@contextmanager
def bar(label: str, done: int = 0, total: int | None = None) -> Iterator[Advance]:
    """A function that is told how much is done, and of how much if that has become known."""
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=total, completed=done)

        def advance(completed: int, of: int | None = None) -> None:
            shown.update(task, completed=completed, total=total if of is None else of)

        yield advance


@contextmanager
def bars(of: str) -> Iterator[Callable[[str, int, int | None], None]]:
    """The same for work in several stages, a bar each: told at which stage it is, how much is done, and of how much."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(of), _Rate())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as shown:
        stages: dict[str, TaskID] = {}

        def told(stage: str, completed: int, total: int | None) -> None:
            if stage not in stages:
                stages[stage] = shown.add_task(stage, total=total)
            shown.update(stages[stage], completed=completed, total=total)

        yield told
