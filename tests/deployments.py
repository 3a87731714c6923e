"""Deployments for the tests of deployments."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from launchpad import Deployment, SubprocessLauncher, register_launcher

SECRET = "hunter2-do-not-show"


@register_launcher
@attrs.frozen(kw_only=True)
class Imaged(SubprocessLauncher):
    type: ClassVar[str] = "test-deployment-imaged"
    image: str = "default"
    volumes: list[str] = attrs.field(factory=list)
    deep: dict[str, list[int]] = attrs.field(factory=dict)


def deployment(name: str = "x", run: Any = None, launcher: Any = None) -> Deployment:
    return Deployment(name, run or {"command": ["true"]}, launcher or SubprocessLauncher())
