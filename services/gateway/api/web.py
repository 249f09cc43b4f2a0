"""The web client at `/`: files that were built before. Nothing of it may come from, or go to, another origin."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.staticfiles import StaticFiles

DIST = Path(__file__).parents[1] / "web" / "dist"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
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


def install(app: FastAPI, dist: Path = DIST) -> None:
    """Afterwards `/` is the web client, or says how to build it."""

    @app.get("/", include_in_schema=False)
    async def index(_request: Request) -> Response:
        page = dist / "index.html"
        return FileResponse(page, headers=HEADERS) if page.is_file() else HTMLResponse(MISSING)

    @app.get("/icon.svg", include_in_schema=False)
    async def icon(_request: Request) -> Response:
        file = dist / "icon.svg"
        return FileResponse(file, headers=HEADERS) if file.is_file() else Response(status_code=404)

    app.mount("/assets", Assets(directory=dist / "assets", check_dir=False))
