"""Where each gateway of this system is reached, as a client sees it: if its own one dies, it goes on at the next.

`*` as the host stands for the one by which the client came: gateways of one machine differ by their ports alone,
whether somebody calls the machine `localhost`, by its name or by a number.
"""

import re
from functools import lru_cache

_ANY = r"(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)"  # host
_HOST = re.compile(rf"({_ANY})(:\d{{1,5}})?")
_LISTED = re.compile(rf"https?://(\*|{_ANY})(:\d{{1,5}})?")
_KEPT = 64  # hosts by which clients came; there are few


class Addresses:
    """`listed` is comma-separated, each as `http://host:port`.

    Raises:
        ValueError: one of them is no such address.
    """

    def __init__(self, listed: str) -> None:
        named = [one.strip().rstrip("/").lower() for one in listed.split(",") if one.strip()]
        for one in named:
            if not _LISTED.fullmatch(one):
                raise ValueError(f"{one!r} is no address like http://chat-1.example:8000")
        self._named = tuple(named)
        self.pattern = "|".join(re.escape(one).replace(r"\*", _ANY) for one in named)  # of their origins
        self.seen_by = lru_cache(_KEPT)(self._seen_by)

    def _seen_by(self, host: str | None) -> tuple[str, ...]:
        """All of them, for a client that addressed a gateway as `host` (and port); none if it came by another address:
        who came through a balancer finds another gateway by coming again.
        """
        came = _HOST.fullmatch((host or "").lower())
        if came is None:
            return ()
        found = tuple(one.replace("*", came[1]) for one in self._named)
        return found if any(one.partition("://")[2] == came[0] for one in found) else ()


def is_host(host: str | None) -> bool:
    """Whether it is the name or number of a host, maybe with a port, and nothing else."""
    return host is not None and _HOST.fullmatch(host.lower()) is not None
