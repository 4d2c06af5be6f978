"""What is remembered of searches: the chunks that hold no line with a text.

A chunk never changes and no id is used twice, so such a thing stays true. Whoever looks for the
same text again, to count it or for the next hit, does not open those chunks.
"""

from __future__ import annotations

from functools import lru_cache

from app.store.matching import REMEMBERED, Matcher

Misses = set[int]  # ids of chunks: one in about 4,000 lines of a log


@lru_cache(maxsize=REMEMBERED)
def misses_of(epoch: str, text: Matcher) -> Misses:
    """Those of one text in one database, to look up and to add to; `epoch`: the database's."""
    return set()
