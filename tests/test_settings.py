"""Launchers of every class as plain data and back, and messages for invalid data."""

from __future__ import annotations

import copy
import enum
import json
import pathlib
import pickle
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import attrs
import pytest

from launchpad import Launcher, LauncherSettings, Run, SubprocessLauncher, UniversalLauncher, register_launcher
from launchpad.core.backend import Backend, Spec
from launchpad.errors import LaunchError

SECRET = "hunter2-do-not-show"


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Policy(str, enum.Enum):
    ALWAYS = "Always"


class Level(enum.IntEnum):
    HIGH = 3


@attrs.frozen
class Port:
    number: int
    open: bool = True


class Idle(Launcher):
    """A launcher that has no engine."""

    def spec(self, run: Run, name: str) -> Spec:
        return {}

    def connect(self) -> Backend:
        raise LaunchError("no engine")

    def names(self, run: Run) -> Iterator[str]:
        yield run.name

    def render(self, spec: Spec, *, reveal: bool) -> str:
        return ""


def words(value: Any) -> tuple[str, ...]:
    return tuple(value.split() if isinstance(value, str) else value)


def with_field(value: int, field: attrs.Attribute[Any]) -> int:
    return value


TAKES_FIELD: Any = attrs.Converter(with_field, takes_field=True) if hasattr(attrs, "Converter") else int  # attrs 24.1


@register_launcher
@attrs.frozen(kw_only=True)
class Stranger(Idle):
    """A third party's launcher: fields of every kind, with and without a converter."""

    type: ClassVar[str] = "test-settings-stranger"

    colour: Colour | None = None
    policy: Policy = Policy.ALWAYS
    level: Level = Level.HIGH
    path: pathlib.Path | None = None
    count: int = 0
    ratio: float = 0.5
    on: bool = False
    title: str = "title"
    names: list[str] = attrs.field(factory=list)
    pair: tuple[int, str] = (1, "a")
    several: tuple[str, ...] = ()
    unordered: frozenset[str] = frozenset()
    deep: dict[str, dict[str, list[int]]] = attrs.field(factory=dict)
    anything: Any = None
    text_or_mapping: str | dict[str, Any] | None = None
    mode: Literal["fast", "slow"] = "fast"
    port: Port = Port(80)
    ports: list[Port] = attrs.field(factory=list)
    parts: tuple[str, ...] = attrs.field(default="", converter=words, repr=True)
    with_field: int = attrs.field(default=1, converter=TAKES_FIELD)
    computed: int = attrs.field(init=False, default=3)


FULL = Stranger(
    env={"TOKEN": SECRET, "GONE": None},
    stream_output=False,
    grace=2,
    colour=Colour.BLUE,
    path=pathlib.Path("~/x"),
    count=3,
    ratio=1.5,
    on=True,
    title="é",
    names=["a"],
    pair=(2, "b"),
    several=("x", "y"),
    unordered=frozenset({"a", "b"}),
    deep={"a": {"b": [1, 2]}},
    anything={"x": [1, None, {"y": 2.5}]},
    text_or_mapping={"k": [1]},
    mode="slow",
    port=Port(1, False),
    ports=[Port(2), Port(3)],
)

LAUNCHERS = [
    Stranger(),
    FULL,
    Stranger(text_or_mapping="text"),
    SubprocessLauncher(),
    SubprocessLauncher(
        env={"A": 1, "B": None}, stream_output=0, grace=0, virtualenv="~/v", working_dir=pathlib.Path(".")
    ),
    SubprocessLauncher(condaenv="data"),
    UniversalLauncher(env={"A": "1"}),
]


def fault(config: Any, base: type[Launcher] = Stranger) -> str:
    """The message for an invalid `config`, without the secret."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is what the tests look at
        Launcher.from_settings({"type": base.type, "config": config})
    assert SECRET not in str(caught.value)
    return str(caught.value)


class TestRoundTrip:
    @pytest.mark.parametrize("launcher", LAUNCHERS, ids=lambda launcher: launcher.type)
    def test_settings_give_an_equal_launcher(self, launcher: Launcher) -> None:
        settings = launcher.to_settings()
        assert Launcher.from_settings(settings) == launcher
        assert type(launcher).from_settings(settings) == launcher

    @pytest.mark.parametrize("launcher", LAUNCHERS, ids=lambda launcher: launcher.type)
    def test_settings_by_way_of_json_give_an_equal_launcher(self, launcher: Launcher) -> None:
        data = attrs.asdict(launcher.to_settings())
        assert json.loads(json.dumps(data, allow_nan=False)) == data
        assert Launcher.from_settings(data) == launcher

    def test_enums_are_read_back_as_members(self) -> None:
        again = Stranger.from_settings(FULL.to_settings())
        assert [type(value) for value in (again.colour, again.policy, again.level)] == [Colour, Policy, Level]

    def test_a_field_accepts_what_the_constructor_accepts(self) -> None:
        assert Launcher.from_settings({"type": Stranger.type, "config": {"parts": "a b"}}) == Stranger(parts="a b")

    def test_config_contains_neither_the_type_nor_the_connection(self) -> None:
        settings = SubprocessLauncher(env={"A": "1"}).to_settings()
        assert settings == LauncherSettings(
            "subprocess",
            {"env": {"A": "1"}, "stream_output": True, "grace": 10.0}
            | dict.fromkeys(["condaenv", "virtualenv", "working_dir"]),
        )

    def test_a_missing_setting_has_its_default(self) -> None:
        assert Launcher.from_settings({"type": "subprocess"}) == SubprocessLauncher()
        assert Launcher.from_settings({"type": "subprocess", "config": {"grace": 1}}) == SubprocessLauncher(grace=1)

    def test_settings_share_nothing_with_the_launcher(self) -> None:
        FULL.to_settings().config["deep"]["a"]["b"].append(3)
        assert FULL.deep == {"a": {"b": [1, 2]}}

    def test_the_callers_mapping_is_not_changed(self) -> None:
        data = {"type": "subprocess", "config": {"env": {"A": 1}}}
        Launcher.from_settings(data)
        assert data == {"type": "subprocess", "config": {"env": {"A": 1}}}

    def test_enums_sets_and_paths_are_accepted(self) -> None:
        config = {"colour": Colour.RED, "unordered": {"a"}, "path": pathlib.Path("x")}
        settings = LauncherSettings(Stranger.type, config)
        assert settings.config == {"colour": "red", "unordered": ["a"], "path": "x"}

    def test_a_field_that_json_cannot_hold_is_an_error_that_names_it(self) -> None:
        with pytest.raises(ValueError, match=r"Stranger\.anything cannot be written as JSON \(object\)"):
            Stranger(anything=object()).to_settings()

    def test_a_class_without_a_type_of_its_own_has_no_settings(self) -> None:
        class Nameless(SubprocessLauncher):
            pass

        with pytest.raises(ValueError, match="Nameless has no type of its own"):
            Nameless().to_settings()

    def test_an_unregistered_class_reads_its_own_settings(self) -> None:
        @attrs.frozen(kw_only=True)
        class Alone(Idle):
            type: ClassVar[str] = "test-settings-alone"
            x: int = 0

        assert Alone.from_settings(Alone(x=5).to_settings()) == Alone(x=5)
        with pytest.raises(ValueError, match="unknown launcher type"):
            Launcher.from_settings(Alone().to_settings())


class TestSettings:
    def test_the_repr_shows_no_values(self) -> None:
        text = repr(FULL.to_settings())
        assert SECRET not in text
        assert "'env': ***" in text

    def test_settings_are_copied_and_pickled_by_value(self) -> None:
        settings = FULL.to_settings()
        assert copy.deepcopy(settings) == pickle.loads(pickle.dumps(settings)) == settings

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            ({}, "the key 'type' is missing"),
            ({"config": {}}, "the key 'type' is missing"),
            ({"type": "missing"}, "unknown launcher type 'missing'; known are: "),
            ({"type": ""}, "type must be the name"),
            ({"type": ["docker"]}, "type must be the name"),
            ({"type": "subprocess", "config": None}, "config must be a mapping of a launcher's settings, not NoneType"),
            ({"type": "subprocess", "config": []}, "not list"),
            ({"type": "subprocess", "config": {"type": "docker"}}, "config must not contain 'type'"),
            ({"type": "subprocess", "confg": {}}, "unknown key 'confg' of LauncherSettings (did you mean 'config'?)"),
            ({"type": "subprocess", "config": {"env": object()}}, "config['env'] cannot be written as JSON (object)"),
            ([], "a mapping is needed, not list"),
            (None, "a mapping is needed, not NoneType"),
            ("docker", "a mapping is needed, not str"),
        ],
    )
    def test_invalid_settings_are_refused_in_one_line(self, data: Any, said: str) -> None:
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            Launcher.from_settings(data)
        assert said in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1

    def test_a_subclass_refuses_settings_of_another_type(self) -> None:
        with pytest.raises(ValueError, match="'universal', and SubprocessLauncher is of type 'subprocess'"):
            SubprocessLauncher.from_settings({"type": "universal"})


class TestFaults:
    @pytest.mark.parametrize(
        ("config", "said"),
        [
            ({"grace": "x"}, "config.grace must be a number of seconds, not str"),
            ({"stream_output": "yes"}, "config.stream_output must be True or False, not str"),
            ({"env": {"A": [SECRET]}}, "config.env['A'] must be text or a number, not list: write it as text"),
            (
                {"env": {f"A={SECRET}": "x"}},
                "config.env: a name must not contain '=', as the one that begins with 'A' does",
            ),
            ({"colour": "green"}, "config.colour: it must be one of ['red', 'blue']"),
            ({"policy": "Sometimes"}, "config.policy: it must be one of ['Always']"),
            ({"level": "3"}, "config.level: it must be one of [3]"),
            ({"count": "3"}, "config.count: it must be a whole number, not str"),
            ({"count": True}, "config.count: it must be a whole number, not bool"),
            ({"ratio": "1"}, "config.ratio: it must be a number, not str"),
            ({"on": "yes"}, "config.on: it must be True or False, not str"),
            ({"title": None}, "config.title: it must be text, not NoneType"),
            ({"names": ["a", 5]}, "config.names[1]: it must be text, not int"),
            ({"deep": {"a": {"b": [1, "x"]}}}, "config.deep.a.b[1]: it must be a whole number, not str"),
            ({"port": {"number": "x"}}, "config.port.number: it must be a whole number, not str"),
            ({"port": {}}, "config.port.number: the key 'number' is missing"),
            ({"port": {"number": 1, "opn": True}}, "config.port: unknown key 'opn' of Port (did you mean 'open'?)"),
            ({"text_or_mapping": 5}, "config.text_or_mapping: it must be one of"),
            ({"mode": "medium"}, "config.mode: "),
            ({"imge": 1, "coun": 2}, "unknown key 'coun' of Stranger (did you mean 'count'?); unknown key 'imge'"),
            ({"computed": 3}, "unknown key 'computed' of Stranger"),
            ({"_connection": 3}, "unknown key '_connection' of Stranger"),
            ({5: 3}, "config: a key must be text, not int: 5"),
        ],
    )
    def test_a_fault_is_one_line_with_the_path_to_it(self, config: Any, said: str) -> None:
        message = fault(config)
        assert said in message
        assert len(message.splitlines()) == 1

    def test_every_fault_has_its_line(self) -> None:
        message = fault({"grace": -1, "count": "x", "env": [], "ratoi": 1})
        assert sorted(line.split()[0] for line in message.splitlines()) == [
            "config.count:",
            "config.env",
            "config.grace",
            "config:",
        ]

    def test_conflicting_settings_are_an_error_of_the_whole(self) -> None:
        message = fault({"condaenv": "a", "virtualenv": "b"}, SubprocessLauncher)
        assert message == "config: condaenv and virtualenv are both set: a run uses one environment"

    def test_no_cause_of_the_error_shows_a_secret(self) -> None:
        with pytest.raises(ValueError, match="env") as caught:
            Launcher.from_settings({"type": "subprocess", "config": {"env": {"A": [SECRET]}}})
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__


class TestCopies:
    @pytest.mark.parametrize("launcher", LAUNCHERS, ids=lambda launcher: launcher.type)
    def test_launchers_are_copied_pickled_and_evolved_by_value(self, launcher: Launcher) -> None:
        pickled = pickle.loads(pickle.dumps(launcher))
        assert pickled == copy.copy(launcher) == copy.deepcopy(launcher) == launcher
        assert attrs.evolve(launcher, grace=1) == attrs.evolve(pickled, grace=1)

    def test_a_copy_of_a_launcher_waits_for_a_run_of_the_original(self) -> None:
        launcher = SubprocessLauncher(stream_output=False)
        handle = launcher.start(Run(command=["sh", "-c", "exit 3"]))
        assert pickle.loads(pickle.dumps(launcher)).wait(handle).exit_code == 3

    def test_no_repr_shows_env(self) -> None:
        assert SECRET not in repr(FULL)
