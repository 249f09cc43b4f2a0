"""What a lane was told of by a log that was replaced is nothing to the next one."""

from services.gateway.feed import Feed
from services.gateway.lanes import Lane


def test_a_lane_that_outlives_its_feed_forgets_where_the_old_log_was() -> None:
    feed = Feed(None, None, "s", lambda: None)  # type: ignore[arg-type]
    feed.lanes["ann"] = lane = Lane(None, "s")  # type: ignore[arg-type]
    lane.acked = 1_000_000
    feed.drop()
    assert lane.acked == 0
