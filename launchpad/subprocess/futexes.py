"""How the kernel finds the threads that sleep on locks."""

from __future__ import annotations

import ctypes

_PR_FUTEX_HASH, _SET_SLOTS, _GET_SLOTS = 78, 1, 2  # linux/prctl.h


def spread(lists: int) -> None:
    """Has it keep them in at least so many lists, a power of two.

    From Linux 6.16 on a process on two cores has 16, however many threads it has, and each wake-up goes through a whole
    list: with a thousand sleepers, 0.05 ms of each quick run beside them. Before, processes share more of them, and
    there is nothing to do.
    """
    prctl = ctypes.CDLL(None).prctl
    if 0 < prctl(_PR_FUTEX_HASH, *map(ctypes.c_ulong, (_GET_SLOTS, 0, 0, 0))) < lists:
        prctl(_PR_FUTEX_HASH, *map(ctypes.c_ulong, (_SET_SLOTS, lists, 0, 0)))
