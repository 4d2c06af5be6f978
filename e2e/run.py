"""One run of the suite, and the mark by which everything it made is known again.

All tasks of a run are in queues named after it, such as
`livequeue-e2e.20261125T210400Z.5f0c81d2.1e7a90bb`; nobody else names queues like that.
"""

import os
import re
import uuid
from datetime import UTC, datetime, timedelta

MARK = "livequeue-e2e"
MARKED = re.compile(rf"{re.escape(MARK)}\.(\d{{8}}T\d{{6}}Z)\.[0-9a-f]{{8}}\.[0-9a-f]{{8}}")
STAMP = "%Y%m%dT%H%M%SZ"
LEFT_OVER_AFTER = timedelta(days=1)  # younger ones may belong to a run that is still going on

# Processes that share a run's tests inherit its name.
NAME = os.environ.setdefault(
    "LIVEQUEUE_E2E_RUN", f"{MARK}.{datetime.now(UTC).strftime(STAMP)}.{uuid.uuid4().hex[:8]}"
)


def new_queue() -> str:
    return f"{NAME}.{uuid.uuid4().hex[:8]}"


def is_ours(queue: str) -> bool:
    return queue.startswith(f"{NAME}.") and MARKED.fullmatch(queue) is not None


def is_left_over(queue: str) -> bool:
    """Whether a run made it that ended long ago without a chance to clean up."""
    found = MARKED.fullmatch(queue)
    if found is None:
        return False
    began = datetime.strptime(found[1], STAMP).replace(tzinfo=UTC)
    return datetime.now(UTC) - began > LEFT_OVER_AFTER
