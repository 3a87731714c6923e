"""The whole matrix."""

from __future__ import annotations

from . import batch_rows, docker_rows, kubernetes_rows, local_rows

ROWS = [*local_rows.ROWS, *docker_rows.ROWS, *kubernetes_rows.ROWS, *batch_rows.ROWS]
