"""Ids of runs."""

from __future__ import annotations

import os

_BLOCK = 256
_LENGTH = 16

_spare: list[tuple[int, bytes]] = []  # (the process that fetched them, random bytes); used by any thread, atomically


def new_id() -> str:
    """A random UUID (version 4 of RFC 9562). Thread-safe; never the same in a forked process.

    The system is asked for the bytes of many at once: while it answers, Python's global lock is free, and a thread that
    makes thousands of runs would wait each time for one that is launching.
    """
    while True:
        try:
            process, random = _spare.pop()
        except IndexError:
            block = os.urandom(_BLOCK * _LENGTH)
            process = os.getpid()
            _spare.extend((process, block[at : at + _LENGTH]) for at in range(0, len(block), _LENGTH))
            continue
        if process == os.getpid():
            return _uuid(random)


def _uuid(random: bytes) -> str:
    digits = random.hex()
    variant = "89ab"[random[8] & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
