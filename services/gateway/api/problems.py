"""Errors over HTTP: problem documents with the code that a socket's client would see.

Source: RFC 9457 (problem details).
"""

from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from services.gateway.retry import RetryLater
from shared import errors
from shared.logging import get_logger

log = get_logger("http")

MEDIA_TYPE = "application/problem+json"
STATUS = {
    100: 500, 101: 401, 102: 404, 103: 403, 104: 404, 105: 409, 106: 422, 107: 400, 108: 501, 109: 401,
    111: 429, 112: 410,
}  # fmt: skip
_CODES = {400: 107, 401: 101, 403: 103, 404: 404, 405: 104}


class Problem(BaseModel):
    """What went wrong. `temporary`: the same request, with the same `Idempotency-Key`, may succeed later."""

    type: str = "about:blank"
    title: str
    status: int
    code: int = Field(description="The code that a socket's client would see")
    detail: str = ""
    temporary: bool = False


# What every operation may answer, for the OpenAPI document.
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": what, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for status, what in (("4XX", "Refused; the same request will be refused again"), ("5XX", "Not possible now"))
}


def document(status: int, code: int, title: str, detail: str = "", temporary: bool = False) -> Response:
    """A problem document."""
    body: dict[str, object] = {"type": "about:blank", "title": title, "status": status, "code": code}
    if detail:
        body["detail"] = detail
    if temporary:
        body["temporary"] = True
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return Response(orjson.dumps(body), status, headers, MEDIA_TYPE)


def of(error: errors.AntiphonError) -> Response:
    """The response to a refused or failed call."""
    title = (type(error).__doc__ or "error").strip().splitlines()[0]
    response = document(STATUS.get(error.code, error.code), error.code, title, error.detail, error.retryable)
    if isinstance(error, RetryLater):
        response.headers["Retry-After"] = str(error.seconds)
    elif error.retryable:
        response.headers["Retry-After"] = "1"
    return response


def install(app: FastAPI) -> None:
    """Afterwards every error of the application is a problem document."""

    @app.exception_handler(errors.AntiphonError)
    async def refused(_request: Request, error: errors.AntiphonError) -> Response:
        return of(error)

    @app.exception_handler(RequestValidationError)
    async def malformed(_request: Request, error: RequestValidationError) -> Response:
        found = "; ".join(f"{'.'.join(map(str, one['loc'][1:])) or 'body'}: {one['msg']}" for one in error.errors())
        return of(errors.BadRequest(found[:2000]))

    @app.exception_handler(HTTPException)
    async def http_error(_request: Request, error: HTTPException) -> Response:
        response = document(error.status_code, _CODES.get(error.status_code, error.status_code), str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(Exception)
    async def broken(_request: Request, error: Exception) -> Response:
        log.error("request_failed", error=repr(error))
        return of(errors.Internal())
