"""Turns a settings model into a command: its fields become flags, a YAML file may come first."""

from collections.abc import Callable
from inspect import Parameter as Argument
from inspect import Signature
from pathlib import Path
from typing import Annotated, Any, TypeVar

from cyclopts import Group, Parameter

from babelift.config import Distributed, Settings, Table, Training, Translating

S = TypeVar("S", bound=Settings)

_GROUPS = {
    Table: Group("The table", sort_key=2),
    Translating: Group("Translating", sort_key=3),
    Training: Group("Training", sort_key=4),
    Distributed: Group("Where it runs", sort_key=5),
}
_OWN = Group("The job", sort_key=1)

FRESH = (
    bool,
    False,
    "Translate everything anew, and put it in the place of what the translation memory holds.",
)
"""The flag of the commands that translate, as `settings_command` takes it."""

DRY_RUN = (
    bool,
    False,
    "Say what would be sent to the translator, and at what price, and do nothing.",
)
"""Likewise."""


def settings_command(
    model: type[S],
    run: Callable[..., None],
    *,
    positional: tuple[str, ...],
    extra: dict[str, tuple[Any, Any, str]] | None = None,
) -> Callable[..., None]:
    """A command function whose flags are the fields of `model`.

    Args:
        model: The settings model; its defaults and descriptions show in the help.
        run: Called with the settings, and with the extras by name.
        positional: Fields that may be given without a flag, in order.
        extra: Flags that are not settings: name to (type, default, description).

    Returns:
        A function that cyclopts can register; it merges `--config` and the flags that were given.
    """
    extras = extra or {}

    def command(*args: Any, **flags: Any) -> None:
        flags.update(zip(positional, args, strict=False))
        config = flags.pop("config", None)
        kept = {name: flags.pop(name) for name in extras if name in flags}
        values = {(model.model_fields[name].alias or name): value for name, value in flags.items()}
        if config is not None:
            settings = model.read(Path(config), values)
        else:
            settings = model.from_mapping(values, where="the command line")
        run(settings, **kept)

    command.__doc__ = run.__doc__
    command.__name__ = run.__name__
    command.__signature__ = Signature(_arguments(model, positional, extras))  # type: ignore[attr-defined]
    return command


def _arguments(
    model: type[Settings], positional: tuple[str, ...], extras: dict[str, tuple[Any, Any, str]]
) -> list[Argument]:
    arguments = [
        Argument(name, Argument.POSITIONAL_OR_KEYWORD, **_flag(model, name)) for name in positional
    ]
    arguments += [
        Argument(name, Argument.KEYWORD_ONLY, **_flag(model, name))
        for name in model.model_fields
        if name not in positional
    ]
    extras = {
        "config": (Path | None, None, "YAML file with settings; flags override it."),
        **extras,
    }
    for name, (kind, default, help_text) in extras.items():
        parameter = Parameter(help=help_text, group=_OWN, negative=())
        arguments.append(
            Argument(
                name, Argument.KEYWORD_ONLY, default=default, annotation=Annotated[kind, parameter]
            )
        )
    return arguments


def _flag(model: type[Settings], name: str) -> dict[str, Any]:
    field = model.model_fields[name]
    is_list = isinstance(field.default, tuple)
    parameter = Parameter(
        name=f"--{(field.alias or name).replace('_', '-')}",
        help=field.description,
        group=_group(model, name),
        consume_multiple=is_list,
        negative_iterable=(),
        negative_none=(),
        show_default=field.default not in (None, (), ""),
    )
    return {"default": field.default, "annotation": Annotated[field.annotation, parameter]}


def _group(model: type[Settings], name: str) -> Group:
    for base, group in _GROUPS.items():
        if issubclass(model, base) and name in base.model_fields:
            return group
    return _OWN
