"""`Deployment`: a named run and its launcher, kept in a YAML file."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import attrs

from . import yamlfile
from .calls import value_of
from .converters import masked
from .executor import LaunchExecutor
from .launcher import Launcher, lookup_launcher
from .models import Outcome, Run
from .relative_paths import Origin, as_written, default_working_dir, resolved
from .retry import Retry
from .schema import TEXT, Schema, schema_of
from .secret import constructor_hides_arguments
from .settings import faults_in, keys_of, structure, unknown_key
from .suggestions import did_you_mean
from .yamlfile import Document
from .yamlnodes import Step

RUN_KEYS = [key for key in keys_of(Run) if key != "id"]


def _launcher_schema(texts: Mapping[str, str]) -> dict[str, Schema]:
    """The schema of a launcher's settings, by the type that is among the texts in them."""
    with suppress(ValueError):  # an unknown type is a fault of the launcher
        return {"type": TEXT, "config": schema_of(lookup_launcher(texts.get("type", "")))}
    return {"type": TEXT}


_KEYS = ["name", "run", "launcher", "retry"]
_SCHEMA = {
    "deployments": [{"name": TEXT, "run": schema_of(Run), "launcher": _launcher_schema, "retry": schema_of(Retry)}]
}


def _name(value: str) -> str:
    if isinstance(value, str) and value:
        return value
    raise ValueError(f"name must be non-empty text, not {type(value).__name__}")


def _run(value: Mapping[str, object]) -> dict[str, Any]:
    """The given fields of a run as plain data."""
    if isinstance(value, Mapping) and "id" in value:
        raise ValueError("run must not have an id: each new run gets its own")
    run = structure(value, Run)
    return {key: getattr(run, key) for key in value if value[key] is not None}


def _launcher(value: Launcher) -> Launcher:
    if isinstance(value, Launcher):
        return value
    raise ValueError(f"launcher must be a Launcher, not {type(value).__name__}")


def _retry(value: Retry | None) -> Retry | None:
    if value is None or isinstance(value, Retry):
        return value
    raise ValueError(f"retry must be a Retry, not {type(value).__name__}")


class UnknownDeployment(KeyError):
    """There is no deployment of this name. The message lists those that there are."""

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError shows the repr


class _Deployments(dict[str, "Deployment"]):
    """The deployments of a file, by name."""

    file = ""

    def __missing__(self, name: str) -> Deployment:
        known = ", ".join(sorted(self)) or "none"
        raise UnknownDeployment(f"{self.file} has no deployment {name!r}; it has: {known}{did_you_mean(name, self)}")


@constructor_hides_arguments
@attrs.frozen
class Deployment:
    """A name, the fields of the run to make (those of Run without the id), and the launcher to launch it on.

    `retry` says whether `launch` and `call` launch a run again that has not succeeded.
    """

    name: str = attrs.field(converter=_name)
    run: dict[str, Any] = attrs.field(converter=_run, repr=masked)
    launcher: Launcher = attrs.field(converter=_launcher)
    retry: Retry | None = attrs.field(default=None, converter=_retry, kw_only=True)
    _origin: Origin | None = attrs.field(default=None, kw_only=True, alias="origin", eq=False, repr=False)

    def __hash__(self) -> int:
        return hash(self.name)

    def make_run(self, /, **parameters: Any) -> Run:
        """A new run with its own id; each of `parameters` overrides the deployment's parameter of that name."""
        merged = {**self.run.get("parameters", {}), **parameters}
        working_dir = default_working_dir(self.run, self.launcher, self._origin)
        return Run(**{"working_dir": working_dir, **self.run, "parameters": merged})

    def launch(self, /, **parameters: Any) -> bool:
        """Makes a run and launches it: `Launcher.submit`."""
        return self._launch(self.make_run(**parameters)).ok

    def call(self, /, **parameters: Any) -> Any:
        """Makes a run, launches it, and returns the value of its function, as `Launcher.call`; None for a command."""
        try:
            return value_of(self._launch(self.make_run(**parameters)))
        finally:
            del parameters  # as in Calling

    def _launch(self, run: Run) -> Outcome:
        if self.retry is None:
            return self.launcher.launch(run)
        with LaunchExecutor(self.launcher, 1, retry=self.retry) as executor:
            future = executor.submit(run)
            future.result()  # raises the error of a run that could not be launched
        assert future.outcome is not None
        return future.outcome

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> dict[str, Deployment]:
        """The deployments in a file, by name. ValueError, one line with file and line, for the first fault in it.

        A name that is not in the file is a KeyError that lists those that are.

        Relative paths of this machine are relative to the file; so is the entrypoint of a local run without a
        working_dir. Paths in a container stay.
        """
        document = yamlfile.load(path, _SCHEMA)
        deployments = _Deployments()
        deployments.file = document.file
        folder = os.path.dirname(os.path.abspath(document.file))
        for position in _positions(document):
            deployment = _located(_read(document, "deployments", position), folder)
            if deployment.name in deployments:
                raise document.error("there is a deployment of this name already", "deployments", position, "name")
            deployments[deployment.name] = deployment
        return deployments

    @staticmethod
    def dump(path: str | os.PathLike[str], deployments: Mapping[str, Deployment] | Iterable[Deployment]) -> None:
        """Writes deployments to a file, atomically; `load` returns equal ones.

        Env values and passwords are in clear text, so only the file's owner can read it (mode 0600).

        Relative paths are written as they were loaded, or absolute if the file is in another folder.
        """
        ones = list(deployments.values() if isinstance(deployments, Mapping) else deployments)
        names = [one.name for one in ones]
        if isinstance(deployments, Mapping) and list(deployments) != names:
            raise ValueError("deployments must be under their own names")
        if len(set(names)) < len(names):
            raise ValueError("two deployments have the same name")
        folder = os.path.dirname(os.path.abspath(path))
        yamlfile.save(path, {"deployments": [_plain(one, folder) for one in ones]})


def _located(deployment: Deployment, folder: str) -> Deployment:
    """A deployment of a file in `folder`, with absolute paths."""
    run, launcher = resolved(deployment.run, deployment.launcher, folder)
    origin = Origin(folder, deployment.run, deployment.launcher)
    return attrs.evolve(deployment, run=run, launcher=launcher, origin=origin)


def _plain(deployment: Deployment, folder: str) -> dict[str, Any]:
    """A deployment as plain data for a file in `folder`, without the launcher settings that are at their defaults."""
    launcher = deployment.launcher
    if not isinstance(deployment.run.get("stdin"), str | None):
        raise ValueError(f"deployment {deployment.name!r}: its stdin is no text, and a file has only text")
    run, paths = as_written(deployment.run, launcher, deployment._origin, folder)
    config = _without_defaults(launcher, launcher.to_settings().config)
    config.update({key: path for key, path in paths.items() if key in config})
    plain = {"name": deployment.name, "run": run, "launcher": {"type": launcher.type, "config": config}}
    if (retry := deployment.retry) is not None:
        plain["retry"] = _without_defaults(retry, retry.to_settings())
    return plain


def _without_defaults(instance: attrs.AttrsInstance, settings: Mapping[str, Any]) -> dict[str, Any]:
    fields = attrs.fields(type(instance))
    defaults = {field.name for field in fields if getattr(instance, field.name) == _default(field)}
    return {key: value for key, value in settings.items() if key not in defaults}


def _default(field: attrs.Attribute[Any]) -> Any:
    default: Any = field.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return attrs.NOTHING if default.takes_self else default.factory()
    return default


def _read(document: Document, *at: Step) -> Deployment:
    given = _mapping(document, _KEYS, "a deployment", *at)
    for key in ("name", "run", "launcher"):
        if key not in given:
            raise document.error(f"the key {key!r} is missing", *at)
    _mapping(document, RUN_KEYS, "a run", *at, "run")
    with _placed(document, *at, "run"):
        run = _run(given["run"])
    launcher = _read_launcher(document, *at, "launcher")
    retry = None if given.get("retry") is None else _read_retry(document, *at, "retry")
    with _placed(document, *at, "name"):
        return Deployment(given["name"], run, launcher, retry=retry)


def _read_retry(document: Document, *at: Step) -> Retry:
    settings = _mapping(document, keys_of(Retry), "a retry", *at)
    with _placed(document, *at):
        return Retry.from_settings(settings)


def _read_launcher(document: Document, *at: Step) -> Launcher:
    settings = _mapping(document, ["type", "config"], "a launcher", *at)
    if "type" not in settings:
        raise document.error("the key 'type' is missing", *at)
    with _placed(document, *at, "type"):
        cls = lookup_launcher(settings["type"])
    if "config" in settings:
        _mapping(document, keys_of(cls), cls.__name__, *at, "config", elsewhere=cls.elsewhere)
    with _placed(document, *at):
        return Launcher.from_settings(settings)


def _positions(document: Document) -> range:
    if document.data is None:
        raise document.error("the file is empty: it needs the key 'deployments', with a list")
    deployments = _mapping(document, ["deployments"], "a file of deployments").get("deployments")
    if not isinstance(deployments, list):
        raise document.error("a list of deployments is needed under the key 'deployments'", "deployments")
    return range(len(deployments))


def _mapping(
    document: Document, known: Collection[str], owner: str, *at: Step, elsewhere: Mapping[str, str] = {}
) -> dict[str, Any]:
    """The mapping at a place of the document; ValueError for a key that is not one of `known`."""
    value = document.get(*at)
    if not isinstance(value, dict):
        raise document.error(f"a mapping is needed, not {type(value).__name__}", *at)
    for key in value:
        if key not in known:
            raise document.error(unknown_key(key, known, owner, elsewhere), *at, key)
    return value


@contextmanager
def _placed(document: Document, *at: Step) -> Iterator[None]:
    """Re-raises a ValueError with file and line of the first fault."""
    try:
        yield
    except ValueError as error:
        (what, steps), *others = faults_in(error)
        more = f" (and {len(others)} more)" if others else ""
        raise document.error(what + more, *at, *steps) from None
