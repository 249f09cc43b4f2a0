"""The OpenAPI document: generated from the code, with the errors as they really are."""

from typing import Any

from fastapi import FastAPI

from services.gateway.api.problems import Problem


def install(app: FastAPI) -> None:
    """Afterwards the document names the problem documents that every operation may answer."""
    generate = app.openapi

    def described() -> dict[str, Any]:
        document = generate()
        document["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        return document

    app.openapi = described  # type: ignore[method-assign]
