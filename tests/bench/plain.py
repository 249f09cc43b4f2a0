"""The baseline of a room: what one client sends, the `websockets` library sends to all. No order between two processes,

no storage, no identity, no bus: the least that serving WebSockets in Python costs. `python -m tests.bench.plain PORT`.
"""

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve


async def main(port: int) -> None:
    room: set[ServerConnection] = set()

    async def handler(connection: ServerConnection) -> None:
        room.add(connection)
        try:
            async for message in connection:
                broadcast(room, message)
        finally:
            room.discard(connection)

    async with serve(handler, "127.0.0.1", port, compression=None, ping_interval=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
