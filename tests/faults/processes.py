"""Signals to processes that were checked, control groups, and a clock that jumps.

A process gets a signal only if it carries the mark of the play or is a child of this process: a wrong signal could end
the machine.
"""

from __future__ import annotations

import mmap
import os
import shutil
import signal
import struct
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.conformance.harness import MARK
from tests.helping import TIMEOUT, eventually

CGROUPS = Path("/sys/fs/cgroup")


def is_marked(pid: int, mark: str) -> bool:
    """Whether the environment of a process has the mark of a play."""
    try:
        return psutil.Process(pid).environ().get(MARK) == mark
    except psutil.Error:
        return False


def send_checked(pid: int, number: signal.Signals, is_ours: Callable[[int], bool]) -> None:
    """Sends a signal to one process, which a descriptor holds during the check, so that its pid cannot be reused."""
    assert pid > 1
    assert pid != os.getpid()
    descriptor = os.pidfd_open(pid)
    try:
        assert is_ours(pid), f"process {pid} is not of this play"
        signal.pidfd_send_signal(descriptor, number)
    finally:
        os.close(descriptor)


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Sends a signal to the process group of a child of this process that leads one."""
    assert process.poll() is None
    assert os.getpgid(process.pid) == process.pid != os.getpgid(0)
    os.killpg(process.pid, number)


def the_process(name: str, word: str = "") -> psutil.Process:
    """The one process of this machine with this name, and with this word in its command line."""
    (found,) = [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == name and (not word or word in (process.info["cmdline"] or ()))
    ]
    return found


@contextmanager
def frozen(process: psutil.Process) -> Iterator[None]:
    """Stops a process by SIGSTOP during the block."""
    process.suspend()
    try:
        yield
    finally:
        process.resume()


@contextmanager
def cgroup(controller: str, limits: Mapping[str, str]) -> Iterator[Path]:
    """A control group of version 1 with limits. Processes that are left in it are killed, one by one, at the end."""
    root = CGROUPS / controller
    if not os.access(root / "cgroup.procs", os.W_OK):
        pytest.skip(f"control groups of the controller {controller} cannot be made here")
    group = root / f"launchpad-faults-{os.getpid()}"
    group.mkdir()
    try:
        for name, value in limits.items():
            (group / name).write_text(value)
        yield group
    finally:
        for pid in members(group):
            with suppress(ProcessLookupError, AssertionError):
                send_checked(pid, signal.SIGKILL, lambda pid: pid in members(group))
        eventually(lambda: members(group), lambda left: not left, TIMEOUT, interval=0.05)
        group.rmdir()


def members(group: Path) -> list[int]:
    """The processes in a control group."""
    return [int(pid) for pid in (group / "cgroup.procs").read_text().split()]


_CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
static volatile long long *shift;
static int (*real)(clockid_t, struct timespec *);
__attribute__((constructor)) static void begin(void) {
  real = dlsym(RTLD_NEXT, "clock_gettime");
  const char *path = getenv("LAUNCHPAD_TEST_CLOCK");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  void *mapped = file < 0 ? MAP_FAILED : mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
  if (mapped != MAP_FAILED) shift = mapped;
  unsetenv("LD_PRELOAD");
}
int clock_gettime(clockid_t clock, struct timespec *now) {
  int status = real(clock, now);
  if (!status && shift && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *shift;
  return status;
}
time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
int gettimeofday(struct timeval *now, void *zone) {
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return 0;
}
"""
"""A library that shifts the wall clock of the process that loads it by the seconds in a file."""


class Clock:
    """The wall clock of one process, which jumps without that of the machine."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            pytest.skip("a C compiler is needed to shift the clock of one process")
        source, self._library, self._file = folder / "clock.c", folder / "clock.so", folder / "clock"
        source.write_text(_CLOCK)
        subprocess.run([compiler, "-shared", "-fPIC", "-o", self._library, source, "-ldl"], check=True, timeout=60)
        self._file.write_bytes(bytes(8))

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a process that has this clock."""
        return {"LD_PRELOAD": str(self._library), "LAUNCHPAD_TEST_CLOCK": str(self._file)}

    def jump(self, seconds: int) -> None:
        with self._file.open("r+b") as file, mmap.mmap(file.fileno(), 8) as mapped:
            mapped[:] = struct.pack("q", seconds)
