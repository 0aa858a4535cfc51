"""Pages first: a worker and the encoder that it starts get the processor's time that nobody else wants.

Alone they are as fast as without it. Linux deals out time among sessions before it looks at niceness, where its autogroups
are on, and a worker has a session of its own: there the session steps behind too (sched(7)).
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

NICENESS = 10
_AUTOGROUP = Path("/proc/self/autogroup")


def behind_the_pages() -> None:
    """Step this process, its session and whatever it starts behind the rest; a system that knows no niceness leaves it as it is."""
    if not hasattr(os, "nice"):
        return
    os.nice(max(0, NICENESS - os.nice(0)))
    with suppress(OSError):  # no autogroups, or they are off
        _AUTOGROUP.write_text(str(NICENESS))
