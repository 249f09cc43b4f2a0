"""All checks, in the order in which a person would repair what they find."""

from services.ops.checks import machine, model, projections, servers, services
from services.ops.checks.finding import Finding, Subject


async def examine(subject: Subject, *, asks_model: bool = False) -> list[Finding]:
    """What every check found. `asks_model`: the model is asked a question, which its provider may be paid for."""
    return [
        machine.python(),
        await machine.node(),
        machine.data_dir(subject),
        machine.disk(subject),
        machine.ports(subject),
        await servers.nats(subject),
        await servers.streams(subject),
        await servers.postgres(subject),
        await servers.schema(subject),
        await projections.connections(subject),
        await projections.parked(subject),
        *await services.all_ready(subject),
        services.model(subject),
        model.agents(subject),
        *([await model.answers(subject)] if asks_model else []),
    ]
