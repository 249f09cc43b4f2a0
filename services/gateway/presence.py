"""Who is listening to a session on any gateway."""

from typing import Any

from services.gateway.access import readable
from services.gateway.context import Gateway
from shared import errors
from shared.auth import Identity


async def clients_of(gateway: Gateway, session_id: str, identity: Identity) -> dict[str, dict[str, Any]]:
    """`{client: {user, client, conn_info}}`.

    Raises:
        NotFound: no such session for this user.
        NotAvailable: always, until gateways share who is connected to them.
    """
    async with readable(gateway, session_id, identity):
        raise errors.NotAvailable("presence")
