"""Models from the Hugging Face hub: only what is needed, safetensors only, within limits.

A model that is in the hub's cache is used as it is, without asking the network: a run that is
repeated gets the same weights. Deleting it from the cache fetches it anew.

The hub is not trusted. What is fetched is written under the hash that its listing states, and only
if it has that hash; names, sizes and times are bounded. The layout is huggingface_hub's, so that
other programs find the model too.
"""

import errno
import json
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Final
from urllib.parse import quote

from babelift.download import Clock, fetch_file, is_hash, receive_json, why
from babelift.errors import ModelError, did_you_mean, first_line, quoted
from babelift.model_folder import (
    CONVERT_YOURSELF,
    MODEL_FILES,
    POOLING,
    TOKENIZER,
    WEIGHTS,
    check,
    checked,
    longest_text,
    matches,
    missing,
    most_positions,
    open_config,
    open_model,
    open_tokenizer,
    quietly,
    read_json,
    weight_files,
    without_progress_bars,
)
from babelift.progress import BYTES, Task, shown, size_in_words
from babelift.store import cache_dir, check_model_name, write_text

__all__ = [
    "MODEL_FILES", "TOKENIZER", "WEIGHTS", "announced", "check", "fetch", "fetch_files",
    "longest_text", "missing", "most_positions", "non_commercial", "on_disk", "open_config",
    "open_model", "open_tokenizer", "quietly", "read_json", "weight_files",
    "without_progress_bars",
]  # fmt: skip

_EMBEDDED: Final = "--encoder mini --translator mini ship with Babelift and need no download."
"""What helps whoever cannot fetch a model."""

_CONVERSION_BOT: Final = "SFconvertbot"
_LISTING_BYTES: Final = 64 * 2**20
"""A repository of 100,000 files is listed in about 30 MB."""
_MOST_FILES: Final = 1000
"""The largest open models come in fewer than 200 parts."""
_MOST_PROPOSALS: Final = 10


def fetch(
    source: str | Path,
    *,
    kind: str = "model",
    known: Collection[str] = (),
    patterns: Sequence[str] = MODEL_FILES,
) -> Path:
    """The folder of a model: the given one, or one fetched from the hub.

    Where a repository's main branch has no safetensors weights, those that the hub's own
    conversion bot proposed for it are taken, as transformers does.

    Args:
        source: A folder, or a hub id such as `distilbert/distilbert-base-multilingual-cased`.
        kind: What it is for, in error messages: `encoder`, `translator`.
        known: Names and ids to suggest where `source` is not found.
        patterns: The files that are fetched, as shell patterns.

    Returns:
        A folder with config.json, the weights as safetensors and the tokenizer's files.

    Raises:
        ModelError: The folder lacks something, the model is not known to the hub, may not be
            used, has no safetensors weights, or cannot be fetched now.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        check_model_name(folder)
        return checked(folder, kind)
    repo = str(source)
    if _is_path(repo):
        raise ModelError(
            f"{kind} '{repo}': there is no such folder{did_you_mean(repo, known)}",
            "Give a folder with config.json and model.safetensors, a name from "
            "'babelift models', or a hub id such as 'owner/model'.",
        )
    fetched = on_disk(repo, patterns=patterns) or _download(repo, kind, known, patterns)
    return checked(fetched, kind)


def fetch_files(repo: str, patterns: Sequence[str], *, kind: str) -> Path:
    """The folder of a hub repository's files of another form than transformers'.

    It is fetched under the same rules as a model, and used as it is where it is in the cache. What
    is in the files is for the caller to check.

    Args:
        repo: Hub id.
        patterns: The files that are fetched, as shell patterns; all at the repository's top.
        kind: What it is for, in error messages.

    Raises:
        ModelError: The repository is not known, has no such file, or cannot be fetched now.
    """
    head = _home(repo) / "refs" / "main"
    if head.is_file():
        folder = _home(repo) / "snapshots" / head.read_text("utf-8").strip()
        if any(matches(path.name, patterns) for path in _listed(folder)):
            return folder
    return _download(repo, kind, (), patterns, _main)


def _listed(folder: Path) -> Iterator[Path]:
    return folder.iterdir() if folder.is_dir() else iter(())


def on_disk(repo: str, *, patterns: Sequence[str] = MODEL_FILES) -> Path | None:
    """The folder of a hub model that is wholly in the hub's cache, or None; asks no network."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        home = _home(repo)
    except HFValidationError:
        return None
    refs = home / "refs"
    proposed = sorted(path.name for path in (refs / "refs" / "pr").glob("*"))
    for revision in ["main", *(f"refs/pr/{number}" for number in proposed)]:
        try:
            folder = Path(
                snapshot_download(
                    repo, revision=revision, allow_patterns=list(patterns), local_files_only=True
                )
            )
        except LocalEntryNotFoundError:
            continue
        if not missing(folder):
            return folder
    return None


def _home(repo: str) -> Path:
    """Where the hub's cache keeps a model."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo, repo_type="model")


def _is_path(name: str) -> bool:
    return name.startswith((".", "/", "~", "\\")) or name.count("/") > 1 or name.endswith("/")


@dataclass(frozen=True, slots=True)
class _File:
    size: int
    hash: str


@dataclass(frozen=True, slots=True)
class _Revision:
    """A state of a repository: its name and commit, and its files by name."""

    name: str
    commit: str
    files: Mapping[str, _File]

    def has_weights(self) -> bool:
        return any(matches(name, WEIGHTS[:2]) for name in self.files)


def _download(
    repo: str,
    kind: str,
    known: Iterable[str],
    patterns: Sequence[str],
    find: Callable[[str, str, Clock], _Revision] | None = None,
) -> Path:
    clock = Clock()
    try:
        revision = (find or _revision_with_weights)(repo, kind, clock)
        files = _needed(repo, revision, patterns)
    except ModelError:
        raise
    except Exception as error:
        raise _unreachable(repo, kind, known, error) from error
    home = _home(repo)
    try:
        with announced(repo, sum(file.size for file in files.values())) as task:
            for name, file in files.items():
                _fetch(repo, revision.commit, name, file, home / "blobs", clock, task)
        return _placed(home, revision, files)
    except ModelError:
        raise
    except Exception as error:
        raise _interrupted(repo, kind, error) from error


def _revision_with_weights(repo: str, kind: str, clock: Clock) -> _Revision:
    """The revision that has safetensors weights."""
    from huggingface_hub.utils._validators import validate_repo_id

    validate_repo_id(repo)
    main = _revision(repo, "main", clock)
    if main.has_weights():
        return main
    asked = f"discussions?author={_CONVERSION_BOT}&type=pull_request&status=open"
    proposals = _answered(repo, asked, clock).get("discussions", ())
    for proposal in proposals[:_MOST_PROPOSALS]:
        if proposal["author"]["name"] == _CONVERSION_BOT and proposal["isPullRequest"]:
            proposed = _revision(repo, f"refs/pr/{int(proposal['num'])}", clock)
            if proposed.has_weights():
                return proposed
    others = (name for name in main.files if name.endswith((".bin", ".h5", ".msgpack", ".ot")))
    names = ", ".join(sorted(others)[:5])
    raise ModelError(
        f"{kind} '{repo}' has no weights as safetensors"
        f"{f' (only {names})' if names else ''}, and Babelift opens no other kind.",
        "The hub converts models at https://huggingface.co/spaces/safetensors/convert. "
        + CONVERT_YOURSELF,
    )


def _main(repo: str, kind: str, clock: Clock) -> _Revision:
    from huggingface_hub.utils._validators import validate_repo_id

    validate_repo_id(repo)
    return _revision(repo, "main", clock)


def _answered(repo: str, asked: str, clock: Clock) -> dict[str, Any]:
    from huggingface_hub import constants

    url = f"{constants.ENDPOINT}/api/models/{repo}/{asked}"
    try:
        values = json.loads(receive_json(url, clock, _LISTING_BYTES))
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if not isinstance(values, dict):
        raise TypeError("it is no JSON object")
    return values


def _revision(repo: str, name: str, clock: Clock) -> _Revision:
    """What the hub lists, where all of it may become paths.

    Raises:
        ModelError: A name, hash or size is none.
    """
    listing = _answered(repo, f"revision/{quote(name, safe='')}?blobs=true", clock)
    commit, files = listing["sha"], {}
    if not (is_hash(commit) and len(commit) == 40):
        raise _refused(repo, f"names its commit {quoted(str(commit), 80)}, which is no hash")
    for entry in listing["siblings"]:
        path = entry["rfilename"]
        if not _is_inside(path):
            raise _refused(repo, f"lists a file {quoted(str(path), 80)}, outside the repository")
        stated = entry.get("lfs") or {}
        hash_, size = stated.get("sha256", entry.get("blobId")), entry.get("size")
        # Only files at the top are ever fetched, and the one that says how vectors are pooled.
        if "/" not in path or path == POOLING:
            if not is_hash(hash_):
                raise _refused(
                    repo, f"lists '{path}' with {quoted(str(hash_), 80)}, which is no hash"
                )
            if type(size) is not int or size < 0:
                raise _refused(repo, f"lists '{path}' with a size of {quoted(str(size), 40)}")
            files[path] = _File(size, hash_)
    return _Revision(name, commit, files)


def _is_inside(path: object) -> bool:
    """Whether a name in a listing is a path within its repository, on any system."""
    if not isinstance(path, str) or not path or "\0" in path or "\\" in path:
        return False
    windows = PureWindowsPath(path)
    absolute = PurePosixPath(path).is_absolute() or windows.drive or windows.root
    return not absolute and not {".", "..", ""} & set(path.split("/"))


def _refused(repo: str, fault: str) -> ModelError:
    from huggingface_hub import constants

    return ModelError(
        f"the hub at {constants.ENDPOINT} cannot be trusted with '{repo}': it {fault}.",
        "Nothing was fetched. Check HF_ENDPOINT, or get the model elsewhere and give its folder.",
    )


def _needed(repo: str, revision: _Revision, patterns: Sequence[str]) -> dict[str, _File]:
    """The files to fetch, the large ones first.

    Raises:
        ModelError: There is no room for them, or they are too many.
    """
    from huggingface_hub import constants

    files = {name: file for name, file in revision.files.items() if matches(name, patterns)}
    if len(files) > _MOST_FILES:
        raise _refused(repo, f"lists {len(files):,} files for one model, more than {_MOST_FILES:,}")
    blobs = _home(repo) / "blobs"
    kept = {blobs / name for file in files.values() for name in (file.hash, f"{file.hash}.part")}
    size = sum(file.size for file in files.values())
    size -= sum(path.stat().st_size for path in kept if path.is_file())
    cache = Path(constants.HF_HUB_CACHE)
    existing = next(path for path in (cache, *cache.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if size > free:
        raise ModelError(
            f"'{repo}' still takes {size_in_words(size)}, but only {size_in_words(free)} are free "
            f"where models are kept ({cache}).",
            f"Make room, or point HF_HOME at a larger disk. {_EMBEDDED}",
        )
    return dict(sorted(files.items(), key=lambda entry: -entry[1].size))


def _fetch(
    repo: str, commit: str, name: str, file: _File, blobs: Path, clock: Clock, task: Task | None
) -> None:
    """Fetch one file into the hub's cache, continuing what is there of it.

    A file that is broken off stays beside its place as `<hash>.part` and is never used.
    """
    from filelock import FileLock, Timeout
    from huggingface_hub import hf_hub_url

    locks = cache_dir() / "models" / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    blobs.mkdir(parents=True, exist_ok=True)
    blob, lock = blobs / file.hash, FileLock(locks / f"{file.hash}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        lock.acquire()
        clock.restart()
    try:
        if not blob.exists():
            part = blob.with_name(f"{blob.name}.part")
            url = hf_hub_url(repo, name, revision=commit)
            fetch_file(url, part, size=file.size, expected=file.hash, clock=clock, task=task)
            part.replace(blob)
        elif task is not None:
            task.advance(file.size)
    finally:
        lock.release()


def _placed(home: Path, revision: _Revision, files: Mapping[str, _File]) -> Path:
    """Give the files their names, in huggingface_hub's layout.

    config.json comes last: without it, a folder is taken for no model.
    """
    folder = home / "snapshots" / revision.commit
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted(files, key=lambda name: name == "config.json"):
        path, blob = folder / name, home / "blobs" / files[name].hash
        if path.exists():
            continue
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)  # a link to a blob that was deleted
        up = [".."] * (2 + name.count("/"))
        try:
            path.symlink_to(Path(*up, "blobs", blob.name))
        except FileExistsError:
            continue
        except OSError:  # no links on this system
            shutil.copyfile(blob, path)
    write_text(revision.commit, home / "refs" / revision.name)
    return folder


def _unreachable(repo: str, kind: str, known: Iterable[str], error: Exception) -> ModelError:
    from huggingface_hub import constants
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    if isinstance(error, GatedRepoError):
        return ModelError(
            f"{kind} '{repo}' is gated: its owner lets only some accounts fetch it.",
            f"Accept its terms at {constants.ENDPOINT}/{repo}, then log in with 'hf auth login'. "
            f"{_EMBEDDED}",
        )
    if isinstance(error, RepositoryNotFoundError | HFValidationError):
        return ModelError(
            f"{kind} '{repo}' is not known to the hub{did_you_mean(repo, known)}",
            "See 'babelift models', or give a hub id or a folder. A private model needs "
            "'hf auth login'.",
        )
    return ModelError(
        f"{kind} '{repo}' is not in the cache ({constants.HF_HUB_CACHE}), and the hub at "
        f"{constants.ENDPOINT} {why(error)}.",
        "Check the network, set HF_ENDPOINT to a mirror or HF_HOME to a cache that has the "
        f"model, or give a folder. {_EMBEDDED}",
    )


def _interrupted(repo: str, kind: str, error: Exception) -> ModelError:
    from huggingface_hub import constants

    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return ModelError(
            f"the disk is full: {kind} '{repo}' could not be kept in {constants.HF_HUB_CACHE}.",
            "Make room, or point HF_HOME at a larger disk, and run the same command again.",
        )
    return ModelError(
        f"fetching {kind} '{repo}' was interrupted: {first_line(error)}.",
        "Nothing half-fetched is used, and nothing is lost: the same command goes on where this "
        "one stopped.",
    )


@contextmanager
def announced(repo: str, size: int) -> Iterator[Task | None]:
    """Say on our own terminal what is fetched, and open a bar for it.

    Args:
        repo: Hub id.
        size: Bytes of all that is fetched.
    """
    progress = shown()
    if progress is None:
        yield None
        return
    from huggingface_hub import constants

    progress.say(
        f"fetching {repo} ({size_in_words(size)}) from {constants.ENDPOINT} to "
        f"{constants.HF_HUB_CACHE}, once"
    )
    with progress.task(repo.rpartition("/")[2], size, unit=BYTES) as task:
        yield task


def non_commercial(*words: str | None) -> bool:
    """Whether a licence's id, or a note beside it, forbids commercial use.

    >>> non_commercial("CC-BY-NC-4.0"), non_commercial(None, "for non-commercial use only")
    (True, True)
    >>> non_commercial("NCSA"), non_commercial("MIT"), non_commercial(None)
    (False, False, False)
    """
    text = " ".join(word.replace("_", "-") for word in words if word)
    return bool(re.search(r"\bnc\b|\bnon-?commercial\b", text, flags=re.IGNORECASE))
