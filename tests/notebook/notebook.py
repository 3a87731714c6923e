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


class Cell:
    """The results of one cell."""

    def __init__(self) -> None:
        self.text = ""
        self.displays: list[dict[str, Any]] = []
        self.updates: list[dict[str, Any]] = []
        self.error = ""
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
        elif kind == "status" and content["execution_state"] == "idle":
            self.over = True


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
        self._client.start_channels()
        self._client.wait_for_ready(timeout=TIMEOUT)
        return self

    def __exit__(self, *error: object) -> None:
        self._client.stop_channels()
        self.kernel.shutdown_kernel(now=True)
        self.kernel.cleanup_resources()
        self.kernel.context.destroy()

    def start(self, code: str) -> Cell:
        """Has the kernel execute a cell, even if the one before it has just ended in an error."""
        return self._cells[self._client.execute(code, stop_on_error=False)]

    def run(self, code: str) -> Cell:
        """Has the kernel execute a cell, and waits until it has."""
        cell = self.start(code)
        self.until(lambda: cell.over)
        return cell

    def until(self, reached: Callable[[], object]) -> None:
        """Processes the messages of the kernel until `reached()` is true."""
        until = time.monotonic() + TIMEOUT
        while not reached():
            try:
                message = self._client.get_iopub_msg(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                raise AssertionError(
                    f"the condition does not hold after {TIMEOUT:g} s; {[vars(cell) for cell in self._cells.values()]}"
                ) from None
            self._take(message["parent_header"].get("msg_id"), message["msg_type"], message["content"])

    def _take(self, parent: str | None, kind: str, content: dict[str, Any]) -> None:
        """Passes a message to its cell; an update of a display to the cell that shows it, as in front ends."""
        display = content.get("transient", {}).get("display_id")
        cell = self._displayed[display] if kind == "update_display_data" else self._cells[parent or ""]
        if display is not None:
            self._displayed[display] = cell
        cell.take(kind, content)
