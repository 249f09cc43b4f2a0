"""The HTTP application, put together."""

from fastapi import FastAPI

from services.gateway.api import (
    auth,
    bodies,
    chats,
    cors,
    description,
    events,
    export,
    insights,
    lifecycle,
    messages,
    models,
    objects,
    participants,
    problems,
    replies,
    sessions,
    stream,
    web,
)
from services.gateway.context import Gateway
from services.gateway.limits import Buckets
from shared.health import Health

BURST_S = 2  # seconds' worth of one user's requests that may come at once, as on a socket


def make_app(gateway: Gateway, health: Health) -> FastAPI:
    """Everything a gateway serves over HTTP except the WebSocket."""
    app = FastAPI(
        title="Antiphon",
        version="0.1.0",
        docs_url="/api/docs",
        redoc_url=None,
        openapi_url="/api/openapi.json",
        responses=problems.RESPONSES,
        generate_unique_id_function=description.operation_id,
    )
    per_minute, per_s = gateway.settings.guests_per_minute, gateway.settings.commands_per_s
    app.state.gateway = gateway
    app.state.guests = Buckets(per_minute) if per_minute else None
    app.state.callers = Buckets(60 * per_s, BURST_S * per_s) if per_s else None
    app.state.streams = set()
    problems.install(app)
    description.install(app)
    bodies.install(app, gateway.settings.frame_bytes)
    cors.install(app, gateway.settings.origins, gateway.settings.addresses)
    parts = (
        auth,
        stream,
        events,
        export,
        lifecycle,
        participants,
        sessions,
        chats,
        messages,
        replies,
        objects,
        insights,
        models,
    )
    for router in (module.router for module in parts):
        app.include_router(router)
    app.router.routes.extend(health.routes())
    web.install(app, gateway.settings.addresses)
    return app


def end_streams(app: FastAPI) -> None:
    """Tells every event stream to end; the readers come back, to another gateway."""
    for one in list(app.state.streams):
        one.end()
