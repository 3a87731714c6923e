"""`UniversalLauncher`: the settings that are the same for every type of launcher."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, NoReturn

import attrs

from .core.backend import Backend, Spec
from .errors import LaunchError
from .launcher import Launcher, lookup_launcher, register_launcher
from .models import Run
from .secret import constructor_hides_arguments
from .settings import keys_of, unknown_key


@register_launcher
@constructor_hides_arguments
@attrs.frozen(kw_only=True)
class UniversalLauncher(Launcher):
    """The settings that launchers of every type have. It cannot launch: `to` makes a launcher that can."""

    type: ClassVar[str] = "universal"

    def to(self, type: str, /, **settings: Any) -> Launcher:
        """A launcher of another type with these settings. Those given here override them; `env` is merged.

        ValueError for an unknown type or setting, or a bad value.
        """
        cls = lookup_launcher(type)
        known = keys_of(cls)
        for key in settings:
            if key not in known:
                raise ValueError(unknown_key(key, known, cls.__name__))
        checked: Any = attrs.fields_dict(cls)["env"].converter
        env = {**self.env, **checked(settings.pop("env", {}))}
        return cls(**{"stream_output": self.stream_output, "grace": self.grace, **settings, "env": env})

    def spec(self, run: Run, name: str) -> Spec:
        _refuse()

    def connect(self) -> Backend:
        _refuse()

    def names(self, run: Run) -> Iterator[str]:
        _refuse()

    def render(self, spec: Spec, *, reveal: bool) -> str:
        _refuse()


def _refuse() -> NoReturn:
    raise LaunchError(
        "A UniversalLauncher does not say where to launch: turn it into another type first, "
        "with .to('subprocess'), .to('docker', image=...) or .to('kubernetes', image=...)."
    )
