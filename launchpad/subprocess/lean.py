"""What the programs that run without the package use in place of modules that take long to import."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # as typing.TYPE_CHECKING
if TYPE_CHECKING or "_signal" not in sys.builtin_module_names:
    import signal as signal
else:
    import _signal as signal  # noqa: F401 - the same functions, without enums


class suppress:
    """The same as contextlib.suppress."""

    def __init__(self, *errors: type[BaseException]) -> None:
        self._errors = errors

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, self._errors)
