"""The `settings:` of an item of a batch: changes to the launcher's configuration for one run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..launcher import Launcher
from ..schema import Schema, schema_of
from ..settings import MAX_FAULTS, Faults, faults_in, keys_of, structure, unknown_setting, unstructure

SETTINGS = "settings"
"""The key of an item."""


class ItemSettings:
    """Makes the launchers of the items that have settings. They share the connection of the batch's launcher."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher
        self._config: dict[str, Any] | None = None

    @property
    def schema(self) -> dict[str, Schema]:
        """Which scalars in the settings are text."""
        return schema_of(type(self._launcher))

    def launcher(self, settings: object) -> Launcher:
        """The batch's launcher with these settings. Faults, with the steps from the item."""
        if not isinstance(settings, Mapping):
            what = f"settings must be a mapping such as {{grace: 30}}, not {type(settings).__name__}"
            raise Faults([(what, [SETTINGS])])
        cls = type(self._launcher)
        unknown = [key for key in settings if isinstance(key, str) and key not in keys_of(cls)]
        if unknown:
            raise Faults([(unknown_setting(key, cls), [SETTINGS, key]) for key in unknown[:MAX_FAULTS]])
        if self._config is None:
            self._config = unstructure(self._launcher)
        changed = structure({**self._config, **settings}, cls, SETTINGS)  # finds all faults
        try:
            return self._launcher.replace(**{key: getattr(changed, key) for key in settings})
        except ValueError as error:
            raise Faults([(what, [SETTINGS, *steps]) for what, steps in faults_in(error)]) from None
