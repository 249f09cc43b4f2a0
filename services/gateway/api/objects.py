"""Shared objects and receipts of a session."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from services.gateway.api import reports
from services.gateway.api.calls import ByCaller, CommandId, InGateway, Traceparent, read, write
from services.gateway.api.sessions import PathId

router = APIRouter(prefix="/api/sessions/{session_id}", tags=["sessions"])


class Operation(BaseModel):
    """What is done to which object. `expected_seq`: the seq at which it last changed, 0 if there is none yet."""

    kind: str
    target: str
    payload: Any = None
    expected_seq: int | None = None


class Receipt(BaseModel):
    """How far one has read."""

    up_to_seq: int


@router.post("/operations", status_code=201)
async def submit(
    gateway: InGateway,
    caller: ByCaller,
    key: CommandId,
    session_id: PathId,
    body: Operation,
    traceparent: Traceparent = "",
) -> Response:
    """An operation on a shared object, in the one order."""
    data = {**body.model_dump(), "id": key, "session_id": session_id}
    return await write(gateway, caller, "operation.submit", data, traceparent)


@router.get("/objects", response_model=reports.ObjectPage)
async def objects(
    gateway: InGateway,
    caller: ByCaller,
    session_id: PathId,
    cursor: Annotated[str | None, Query(description="From the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """A page of shared objects, each with the last operation on it."""
    return await read(gateway, caller, "object.list", {"session_id": session_id, "cursor": cursor, "limit": limit})


@router.post("/receipts")
async def receipt(
    gateway: InGateway,
    caller: ByCaller,
    key: CommandId,
    session_id: PathId,
    body: Receipt,
    traceparent: Traceparent = "",
) -> Response:
    """One has read up to here; only forward."""
    data = {"id": key, "session_id": session_id, "up_to_seq": body.up_to_seq}
    return await write(gateway, caller, "receipt.read", data, traceparent, status=200)
