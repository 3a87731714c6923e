"""The lists that the kernel keeps sleeping threads in."""

from __future__ import annotations

import subprocess
import sys

import pytest

if sys.platform != "linux":
    pytest.skip("they are Linux's", allow_module_level=True)

SPREAD = """
import ctypes, threading
from launchpad.subprocess.futexes import spread
lists = lambda: ctypes.CDLL(None).prctl(78, 2, 0, 0, 0)
threading.Thread(target=lambda: None).start()  # a process with one thread has none of its own
print(lists())
spread(2048)
print(lists())
spread(64)
print(lists())
"""


def test_there_are_as_many_as_asked_for_and_never_fewer() -> None:
    told = subprocess.run([sys.executable, "-c", SPREAD], capture_output=True, text=True, check=True).stdout
    before, *after = map(int, told.split())
    if before <= 0:
        pytest.skip("this kernel has none for a process")
    assert before < 2048
    assert after == [2048, 2048]
