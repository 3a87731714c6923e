"""The kernel's asynchronous polls, which go on when the descriptor that they were begun with is closed.

io_submit(2), IOCB_CMD_POLL: the kernel keeps the open file until the poll is over. The C library does not wrap these
calls, so they are made by their numbers: those of 64-bit x86, and those that newer machines have in common.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
from typing import NamedTuple

BATCH = 64
"""How many ends of polls are told at once, at most."""


class _Numbers(NamedTuple):
    setup: int
    destroy: int
    get_events: int
    submit: int


_COMMON = _Numbers(0, 1, 4, 2)  # include/uapi/asm-generic/unistd.h
_NUMBERS = {"x86_64": _Numbers(206, 207, 208, 209), "aarch64": _COMMON, "riscv64": _COMMON, "loongarch64": _COMMON}

_POLL = 5  # IOCB_CMD_POLL


class _Request(ctypes.Structure):
    """struct iocb, on little-endian machines."""

    _fields_ = (
        ("token", ctypes.c_uint64),
        ("key", ctypes.c_uint32),
        ("flags_of_read", ctypes.c_uint32),
        ("operation", ctypes.c_uint16),
        ("priority", ctypes.c_int16),
        ("descriptor", ctypes.c_uint32),
        ("events", ctypes.c_uint64),
        ("length", ctypes.c_uint64),
        ("offset", ctypes.c_int64),
        ("reserved", ctypes.c_uint64),
        ("flags", ctypes.c_uint32),
        ("to_notify", ctypes.c_uint32),
    )


class _Event(ctypes.Structure):
    """struct io_event."""

    _fields_ = (
        ("token", ctypes.c_uint64),
        ("request", ctypes.c_uint64),
        ("result", ctypes.c_int64),
        ("result_2", ctypes.c_int64),
    )


class Polls:
    """Polls for input; there can be at least `room` at once. Any thread may add one; one thread waits, and closes.

    OSError, from the constructor and from `add`, where the system does not let us: it lacks these calls, or room.
    """

    def __init__(self, room: int) -> None:
        self._system = ctypes.CDLL(None, use_errno=True).syscall
        self._system.restype = ctypes.c_long
        self._numbers = numbers_of(os.uname().machine, 8 * ctypes.sizeof(ctypes.c_void_p))
        self._context = ctypes.c_ulong(0)
        self._call(self._numbers.setup, ctypes.c_uint(room), ctypes.byref(self._context))

    def add(self, descriptor: int, token: int) -> None:
        """Begins a poll of it; its end is told by `token`, once. The descriptor may be closed at once."""
        request = _Request(token=token, operation=_POLL, descriptor=descriptor, events=select.POLLIN)
        self._call(self._numbers.submit, self._context, ctypes.c_long(1), ctypes.byref(ctypes.pointer(request)))

    def wait(self) -> list[int]:
        """Blocks until a poll is over, or a signal came, and gives the tokens of those that are."""
        events = (_Event * BATCH)()
        try:
            count = self._call(
                self._numbers.get_events, self._context, ctypes.c_long(1), ctypes.c_long(BATCH), events, None
            )
        except InterruptedError:
            return []
        return [event.token for event in events[:count]]

    def close(self) -> None:
        """Ends all polls. To be called once, and last."""
        self._call(self._numbers.destroy, self._context)

    def _call(self, number: int, *arguments: object) -> int:
        result: int = self._system(ctypes.c_long(number), *arguments)
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result


def numbers_of(machine: str, bits: int) -> _Numbers:
    """The calls' numbers; OSError where they are not known. 32-bit programs have others."""
    if bits != 64 or machine not in _NUMBERS:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    return _NUMBERS[machine]
