"""A service that subscribes to everything that happens, at its own pace, and prints each event as one line.

    python examples/subscriber.py nats://127.0.0.1:4222

The durable consumer remembers the position: stopped and started again, it goes on where it was. Several copies share
the work. An event is acknowledged after it was handled, so handling must bear to be done twice.
"""

import asyncio
import json
import sys

import nats
from nats.errors import TimeoutError as NothingNew
from nats.js.api import AckPolicy, ConsumerConfig

CONSUMER = ConsumerConfig(durable_name="example-subscriber", ack_policy=AckPolicy.EXPLICIT, filter_subject="event.*")


async def main(url: str) -> None:
    """Prints events for ever."""
    bus = await nats.connect(url, max_reconnect_attempts=-1)
    js = bus.jetstream()
    events = await js.pull_subscribe("event.*", durable=CONSUMER.durable_name, stream="EVENTS", config=CONSUMER)
    while True:
        try:
            batch = await events.fetch(100, timeout=5)
        except NothingNew:
            continue
        for message in batch:
            event = json.loads(message.data)  # CloudEvents 1.0; docs/events.md lists the types
            print(message.metadata.sequence.stream, event["time"], event["type"], event["subject"], flush=True)
            await message.ack()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:2] or ["nats://127.0.0.1:4222"]))
