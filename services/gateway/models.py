"""The methods about agents and models, answered by the workers' word."""

from typing import Any

from services.gateway.context import Caller, Gateway


async def agent_list(gateway: Gateway, _caller: Caller, _data: Any) -> dict[str, Any]:
    """The agents that may answer in a chat, and which one does where none was chosen."""
    return await gateway.agents.known()


async def llm_test(gateway: Gateway, caller: Caller, _data: Any) -> dict[str, Any]:
    """Whether the configured model answers."""
    return await gateway.model_check.result(caller.identity.user)
