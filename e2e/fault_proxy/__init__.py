"""A small HTTP proxy that misbehaves on demand, as boxes on real networks do.

It stands between the browser and the server, and its fault can be changed while it runs. In tests:

    with FaultProxy.before(url) as proxy:
        proxy.set("buffer", match="event-stream")

From a shell: `python -m e2e.fault_proxy --help`.
"""

from e2e.fault_proxy.fault import Fault, Mode
from e2e.fault_proxy.request import Request
from e2e.fault_proxy.threaded import FaultProxy

__all__ = ["Fault", "FaultProxy", "Mode", "Request"]
