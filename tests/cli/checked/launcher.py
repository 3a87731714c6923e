"""The launcher that check.py is about."""

from __future__ import annotations

from typing import ClassVar

import attrs

from launchpad import SubprocessLauncher


@attrs.frozen(kw_only=True)
class CheckedLauncher(SubprocessLauncher):
    """`answer` is what its check comes to."""

    type: ClassVar[str] = "checked"

    answer: str = "usable"
