"""Which web pages may use this gateway from a browser: the same rule for HTTP and for the WebSocket's handshake.

Source: RFC 6454 (origins), RFC 6455, 10.2. A client that is no browser sends no Origin and is let in.
"""

from collections.abc import Collection
from urllib.parse import urlsplit


def allowed(
    origin: str | None, host: str | None, allowed_origins: frozenset[str], gateways: Collection[str] = ()
) -> bool:
    """Whether a page of `origin` may call a server that it addressed as `host`; pages of the `gateways` may.

    The scheme is not compared for one's own host: behind a proxy that ends TLS it can't be known.
    """
    if origin is None or "*" in allowed_origins or origin in allowed_origins or origin in gateways:
        return True
    return host is not None and urlsplit(origin).netloc.lower() == host.lower() != ""
