"""Whether a launcher can be used here and now: what `launchpad doctor` shows.

The package of a launcher offers this as a module `check` beside the launcher's own, with one function:

    def check(launcher) -> Health

It may ask the engine, and so take seconds. A LaunchError that it raises means "not usable", with the error's message.
"""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Health:
    """What a check found. `version` is the engine's, `detail` where and how it is used or why it cannot be.

    `advice` is what to do, where there is something to do: also for an engine that is usable, but not in full.
    """

    usable: bool
    version: str = ""
    detail: str = ""
    advice: str = ""
