"""A notebook for tests: a real kernel, and what each cell of it has put out."""

from __future__ import annotations

import os
import queue
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_client import KernelManager

TIMEOUT = 120.0

POLL_INTERVAL = 0.1
"""Seconds after which a condition is looked at again while the kernel sends no message."""

UNSEEN_REQUEST_INTERVAL = 3.0
"""Seconds after which a kernel that has not begun a cell is sent another request.

ipykernel 7 does not see a request that arrives while it sends a reply, until the next one arrives (its issue 1554).
"""


class Cell:
    """The results of one cell."""

    def __init__(self) -> None:
        self.text = ""
        self.displays: list[dict[str, Any]] = []
        self.updates: list[dict[str, Any]] = []
        self.error = ""
        self.begun = False
        self.over = False

    def take(self, kind: str, content: dict[str, Any]) -> None:
        if kind == "stream":
            self.text += content["text"]
        elif kind in ("display_data", "execute_result"):
            self.displays.append(content)
        elif kind == "update_display_data":
            self.updates.append(content)
        elif kind == "error":
            self.error = f"{content['ename']}: {content['evalue']}"
        elif kind == "status":
            self.begun = True
            self.over = content["execution_state"] == "idle"


class Notebook:
    """A kernel of this interpreter, in `folder`. A context manager, which kills it."""

    def __init__(self, folder: Path) -> None:
        self.kernel = KernelManager()
        homes = {name: str(folder / ".jupyter") for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")}
        self.kernel.start_kernel(cwd=str(folder), env=os.environ | homes)
        self._client = self.kernel.client()
        self._cells: dict[str, Cell] = defaultdict(Cell)
        self._displayed: dict[str, Cell] = {}

    def __enter__(self) -> Notebook:
        self._client.start_channels(hb=False)  # the thread for heartbeats replaces its sockets when it hears none
        self._client.wait_for_ready(timeout=TIMEOUT)
        return self

    def __exit__(self, *error: object) -> None:
        self._client.stop_channels()
        self.kernel.shutdown_kernel(now=True)
        self.kernel.cleanup_resources()
        self.kernel.context.destroy()

    def start(self, code: str) -> Cell:
        """Has the kernel, which is idle, execute a cell, even if the one before it has just ended in an error."""
        cell = self._cells[self._client.execute(code, stop_on_error=False)]
        self.until(lambda: cell.begun, self._client.kernel_info)
        return cell

    def run(self, code: str) -> Cell:
        """Has the kernel execute a cell, and waits until it has."""
        cell = self.start(code)
        self.until(lambda: cell.over)
        return cell

    def until(self, reached: Callable[[], object], when_silent: Callable[[], object] = lambda: None) -> None:
        """Processes messages of the kernel until `reached()` is true; calls `when_silent` in each silent interval."""
        until, silent = time.monotonic() + TIMEOUT, 0.0
        while not reached():
            assert time.monotonic() < until, (
                f"no news in {TIMEOUT:g} s; {[vars(cell) for cell in self._cells.values()]}"
            )
            try:
                message = self._client.get_iopub_msg(timeout=POLL_INTERVAL)
            except queue.Empty:
                silent += POLL_INTERVAL
                if silent >= UNSEEN_REQUEST_INTERVAL:
                    silent = 0.0
                    when_silent()
            else:
                self._take(message["parent_header"].get("msg_id"), message["msg_type"], message["content"])

    def _take(self, parent: str | None, kind: str, content: dict[str, Any]) -> None:
        """Passes a message to its cell; an update of a display to the cell that shows it, as in front ends."""
        display = content.get("transient", {}).get("display_id")
        cell = self._displayed[display] if kind == "update_display_data" else self._cells[parent or ""]
        if display is not None:
            self._displayed[display] = cell
        cell.take(kind, content)
