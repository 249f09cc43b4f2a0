"""Agents and the model behind them."""

from fastapi import APIRouter, Response

from services.gateway.api import reports
from services.gateway.api.calls import ByCaller, InGateway, read

router = APIRouter(prefix="/api", tags=["agents"])


@router.get("/agents", response_model=reports.Agents)
async def agents(gateway: InGateway, caller: ByCaller) -> Response:
    """The agents that may answer in a chat, and which one does where none was chosen."""
    return await read(gateway, caller, "agent.list", {})


@router.post("/llm/test", response_model=reports.ModelTest)
async def test(gateway: InGateway, caller: ByCaller) -> Response:
    """Does the configured model answer? A result is kept for 30 s."""
    return await read(gateway, caller, "llm.test", {})
