"""Data sets of a hub, or of a local folder, through the optional library `datasets`."""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from babelift.cache import cache_dir
from babelift.corpus.parquet import from_arrow
from babelift.corpus.raw import Raw
from babelift.errors import DataError, MissingDependencyError, did_you_mean

PREFIX: Final = "hub:"


class HubName(NamedTuple):
    """The parts of `hub:NAME[#config][:split]`."""

    name: str
    config: str | None
    split: str | None


def parse_hub(source: str) -> HubName:
    """Take `hub:NAME[#config][:split]` apart.

    Raises:
        DataError: There is no name.

    >>> parse_hub("hub:Davlan/sib200#deu_Latn:test")
    HubName(name='Davlan/sib200', config='deu_Latn', split='test')
    >>> parse_hub("hub:reviews").split is None
    True
    """
    rest = source.removeprefix(PREFIX)
    name, _, after = rest.partition("#")
    if after:
        config, _, split = after.partition(":")
    else:
        config = ""
        head, _, tail = name.rpartition(":")
        # A colon before a slash belongs to a path, not to a split.
        name, split = (head, tail) if head and not {"/", "\\"} & set(tail) else (name, "")
    if not name:
        raise DataError(f"'{source}' names no data set; write hub:NAME, hub:NAME#config:split.")
    return HubName(name, config or None, split or None)


def read_hub(source: str) -> Raw:
    """Load a data set from a hub or from a folder that `datasets` can open.

    Without a split all splits are read, and a column `split` says which.

    Raises:
        MissingDependencyError: The library `datasets` is not installed.
        DataError: The data set cannot be found or opened, or has no such split.
    """
    wanted = parse_hub(source)
    try:
        import datasets
    except ImportError as error:
        raise MissingDependencyError(
            f"{source}: reading hub data sets needs the library 'datasets'.",
            "Install it: pip install 'babelift[hub]'",
        ) from error
    try:
        loaded = _load(datasets, wanted)
    except DataError:
        raise
    # The library raises whatever its many parts raise: a missing set, no network, a bad file.
    except Exception as error:
        why = (str(error).splitlines() or [type(error).__name__])[0][:300]
        raise DataError(
            f"{source}: the data set cannot be loaded: {why}",
            "Check the name, the config after '#', and the connection.",
        ) from error
    return _to_raw(datasets, source, loaded, wanted)


def _load(datasets: Any, wanted: HubName) -> Any:
    folder = Path(wanted.name)
    saved = ("dataset_dict.json", "state.json")
    if folder.is_dir() and any((folder / name).is_file() for name in saved):
        return datasets.load_from_disk(str(folder))
    cache = cache_dir() / "datasets"
    return datasets.load_dataset(wanted.name, wanted.config, cache_dir=str(cache))


def _to_raw(datasets: Any, source: str, loaded: Any, wanted: HubName) -> Raw:
    if isinstance(loaded, datasets.Dataset):
        loaded = {"train": loaded} if wanted.split is None else {wanted.split: loaded}
        single = True
    else:
        single = False
    if wanted.split is not None:
        if wanted.split not in loaded:
            raise DataError(
                f"{source}: there is no split '{wanted.split}'"
                f"{did_you_mean(wanted.split, loaded) or '.'}",
                f"Its splits are: {', '.join(loaded)}.",
            )
        loaded, single = {wanted.split: loaded[wanted.split]}, True
    return _join(datasets, source, dict(loaded), single)


def _join(datasets: Any, source: str, parts: dict[str, Any], single: bool) -> Raw:
    import polars as pl

    frames, names = [], {}
    for split, part in parts.items():
        names = {
            column: list(feature.names)
            for column, feature in part.features.items()
            if isinstance(feature, datasets.ClassLabel)
        }
        frame = from_arrow(part.with_format("arrow")[:], source)
        if not single and "split" not in frame.columns:
            frame = frame.with_columns(split=pl.lit(split))
        frames.append(frame)
    notes = tuple(_license_notes(parts))
    try:
        frame = pl.concat(frames, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"{source}: its splits have different columns.",
            f"Name one split: {source}:SPLIT, of {', '.join(parts)}.",
        ) from error
    return Raw(source, frame, notes=notes, names=names)


def _license_notes(parts: dict[str, Any]) -> list[str]:
    licenses = {str(part.info.license).strip() for part in parts.values() if part.info.license}
    return [f"licence: {json.dumps(name, ensure_ascii=False)}" for name in sorted(licenses)]
