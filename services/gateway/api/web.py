"""The web client at `/`: files that were built before. Nothing of it may come from, or go to, another origin."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.staticfiles import StaticFiles

from services.gateway.addresses import Addresses, is_host

DIST = Path(__file__).parents[1] / "web" / "dist"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'{reached}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Antiphon</title>
<h1>Antiphon runs</h1><p>The web client is not built. Build it with
<code>npm --prefix services/gateway/web ci &amp;&amp; npm --prefix services/gateway/web run build</code>
and load this page again. The API is described at <a href="/api/docs">/api/docs</a>.</p></html>"""


class Assets(StaticFiles):
    """Files whose names hold a digest of what is in them: a browser asks for each of them once."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """The file, to be kept for ever."""
        answer = super().file_response(*args, **kwargs)
        answer.headers.update(FOR_EVER)
        return answer


def headers(host: str | None, addresses: Addresses) -> dict[str, str]:
    """What comes with the page: it may call the gateway it came from, as `host`, and the others."""
    own = [f"ws://{host}", f"wss://{host}"] if is_host(host) else []
    others = [one for http in addresses.seen_by(host) for one in (http, http.replace("http", "ws", 1))]
    reached = "".join(f" {one}" for one in dict.fromkeys([*own, *others]))
    return {**HEADERS, "Content-Security-Policy": POLICY.format(reached=reached)}


def install(app: FastAPI, addresses: Addresses, dist: Path = DIST) -> None:
    """Afterwards `/` is the web client, or says how to build it."""

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def index(request: Request) -> Response:
        page = dist / "index.html"
        if not page.is_file():
            return HTMLResponse(MISSING)
        return FileResponse(page, headers=headers(request.headers.get("host"), addresses))

    @app.api_route("/icon.svg", methods=["GET", "HEAD"], include_in_schema=False)
    async def icon(request: Request) -> Response:
        file = dist / "icon.svg"
        if not file.is_file():
            return Response(status_code=404)
        return FileResponse(file, headers=headers(request.headers.get("host"), addresses))

    app.mount("/assets", Assets(directory=dist / "assets", check_dir=False))
