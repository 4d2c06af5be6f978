"""Which JavaScript modules a page needs, so that a browser asks for all of them at once.

Left to itself it finds each level of imports only when it has the level above.
"""

from __future__ import annotations

import posixpath
import re
from functools import cache

from app.assets import own

_IMPORT = re.compile(r'^(?:import|export|\})[^;"]*?"(\.{1,2}/[^"]+)"', re.MULTILINE)


@cache
def modules_of(name: str) -> tuple[str, ...]:
    """What the module `name` (``js/tasks.js``) imports, at any depth, without itself; sorted."""
    found: set[str] = set()
    ahead = [name]
    while ahead:
        module = ahead.pop()
        folder = posixpath.dirname(module)
        for path in _IMPORT.findall(own()[module].decode()):
            needed = posixpath.normpath(posixpath.join(folder, path))
            if needed not in found:
                found.add(needed)
                ahead.append(needed)
    return tuple(sorted(found - {name}))
