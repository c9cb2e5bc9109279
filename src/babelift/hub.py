"""Models from the Hugging Face hub or from a folder: only what is needed, safetensors only.

A model that is in the hub's cache is used as it is, without asking the network: a run that is
repeated gets the same weights. Deleting it from the cache fetches it anew.

huggingface_hub resumes within one attempt, but discards what it has of a file when the attempt
ends; two gigabytes would begin anew after Ctrl-C. So weights are fetched here, into the place in
huggingface_hub's cache where it looks for them by their hash, and it does the rest.
"""

import errno
import json
import logging as levels
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from babelift.errors import ModelError, did_you_mean, first_line
from babelift.progress import BYTES, Task, shown
from babelift.store import cache_dir, check_model_name, file_hash

WEIGHTS: Final = (
    "model.safetensors",
    "model-*-of-*.safetensors",
    "model.safetensors.index.json",
)
TOKENIZER: Final = (
    "tokenizer.json", "vocab.json", "vocab.txt", "merges.txt", "sentencepiece.bpe.model",
    "spiece.model", "tokenizer.model", "source.spm", "target.spm", "target_vocab.json",
)  # fmt: skip
MODEL_FILES: Final = (
    *WEIGHTS,
    *TOKENIZER,
    "config.json",
    "generation_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
"""What is fetched of a model: never pickled weights, other frameworks' files or examples."""

_EMBEDDED: Final = "--encoder mini --translator mini ship with Babelift and need no download."
"""What helps whoever cannot fetch a model."""

_CONVERSION_BOT: Final = "SFconvertbot"
_CONVERT_YOURSELF: Final = (
    "Where you trust the file, convert it once with transformers: "
    "AutoModel.from_pretrained(NAME).save_pretrained(FOLDER), save its tokenizer there too, "
    "and give Babelift the folder."
)


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
        return _checked(folder, kind)
    repo = str(source)
    if _is_path(repo):
        raise ModelError(
            f"{kind} '{repo}': there is no such folder{did_you_mean(repo, known)}",
            "Give a folder with config.json and model.safetensors, a name from "
            "'babelift models', or a hub id such as 'owner/model'.",
        )
    return on_disk(repo, patterns=patterns) or _download(repo, kind, known, patterns)


def on_disk(repo: str, *, patterns: Sequence[str] = MODEL_FILES) -> Path | None:
    """The folder of a hub model that is wholly in the hub's cache, or None; asks no network."""
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    from huggingface_hub.file_download import repo_folder_name

    try:
        home = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo, repo_type="model")
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


def missing(folder: Path) -> list[str]:
    """What a folder lacks to be a model, in words; an empty list where it is whole."""
    lacks = []
    if not (folder / "config.json").is_file():
        lacks.append("config.json")
    if not weight_files(folder):
        lacks.append("model.safetensors")
    if not any((folder / name).is_file() for name in TOKENIZER):
        lacks.append("the tokenizer's files")
    return lacks


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model's folder, in order; empty where one is missing."""
    single = folder / "model.safetensors"
    if single.is_file():
        return [single]
    try:
        index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
        files = [folder / name for name in sorted(set(index["weight_map"].values()))]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return []
    return files if all(file.is_file() for file in files) else []


def open_model(
    model_class: Any, folder: Path, *, kind: str = "model", **options: Any
) -> tuple[Any, dict[str, Any]]:
    """Open a model of transformers from a folder; the one way in which Babelift does it.

    Only safetensors weights are read, no code that comes with a model is run, and the network is
    not asked.

    Args:
        model_class: Such as `transformers.AutoModel`.
        folder: What `save_pretrained` wrote.
        kind: What it is for, in error messages.
        options: More for `from_pretrained`; `dtype` is float32 if absent.

    Returns:
        The model, in evaluation mode and on the CPU, and what was missing or did not fit, by kind,
        as transformers' `output_loading_info` has it.

    Raises:
        ModelError: It cannot be opened.
    """
    values = {"dtype": "float32", **options, "use_safetensors": True, "output_loading_info": True}
    model, report = _from_pretrained(model_class, folder, kind, values)
    return model, report


def open_tokenizer(folder: Path, *, kind: str = "model") -> Any:
    """Open a tokenizer of transformers from a folder, under the same rules as `open_model`.

    Raises:
        ModelError: It cannot be opened.
    """
    from transformers import AutoTokenizer

    return _from_pretrained(AutoTokenizer, folder, kind, {})


def open_config(folder: Path, *, kind: str = "model") -> Any:
    """Open the settings of a model of transformers, under the same rules as `open_model`.

    Raises:
        ModelError: They cannot be opened.
    """
    from transformers import AutoConfig

    return _from_pretrained(AutoConfig, folder, kind, {})


def _from_pretrained(auto_class: Any, folder: Path, kind: str, options: dict[str, Any]) -> Any:
    try:
        with quietly():
            return auto_class.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, **options
            )
    except Exception as error:  # transformers raises whatever the damage happens to cause
        raise ModelError(
            f"{kind} '{folder}' cannot be opened: {first_line(error)}.",
            "A folder needs config.json, model.safetensors and the tokenizer's files, as "
            "save_pretrained writes them; code inside a model's folder is never run.",
        ) from error


@contextmanager
def quietly() -> Iterator[None]:
    """Keep transformers from warning of what Babelift checks itself, and from drawing bars."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity(levels.ERROR)
    try:
        with without_progress_bars():
            yield
    finally:
        logging.set_verbosity(level)


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Keep transformers from drawing bars while it loads or saves a model."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _is_path(name: str) -> bool:
    return name.startswith((".", "/", "~", "\\")) or name.count("/") > 1 or name.endswith("/")


def _checked(folder: Path, kind: str) -> Path:
    lacks = missing(folder)
    if not lacks:
        return folder
    pickled = sorted(path.name for path in folder.glob("pytorch_model*.bin"))
    if pickled and "model.safetensors" in lacks:
        raise ModelError(
            f"{kind} '{folder}' has its weights only as {pickled[0]}, a pickle file; Babelift "
            "opens safetensors only.",
            _CONVERT_YOURSELF,
        )
    raise ModelError(
        f"{kind} '{folder}' lacks {', '.join(lacks)}.",
        "A model's folder is what 'save_pretrained' of its model and its tokenizer writes.",
    )


def _download(repo: str, kind: str, known: Iterable[str], patterns: Sequence[str]) -> Path:
    from huggingface_hub import snapshot_download

    try:
        revision, sizes = _revision_with_weights(repo, kind)
        _check_room(repo, sizes, patterns)
    except ModelError:
        raise
    except Exception as error:
        raise _unreachable(repo, kind, known, error) from error
    weights = [name for name in sizes if _matches(name, WEIGHTS)]
    large = sum(sizes[name] for name in weights)
    try:
        with announced(repo, _needed(sizes, patterns), large) as task:
            prefetch(repo, revision, weights, task)
            bars = None if task is None else hidden_bars()
            folder = Path(
                snapshot_download(
                    repo, revision=revision, allow_patterns=list(patterns), tqdm_class=bars
                )
            )
    except ModelError:
        raise
    except Exception as error:
        raise _interrupted(repo, kind, error) from error
    return _checked(folder, kind)


def _revision_with_weights(repo: str, kind: str) -> tuple[str, dict[str, int]]:
    """The revision that has safetensors weights, and the size of each of its files in bytes."""
    from huggingface_hub import HfApi

    api = HfApi()
    files = _files(api, repo, "main")
    if _has_weights(files):
        return "main", files
    for proposal in api.get_repo_discussions(
        repo, author=_CONVERSION_BOT, discussion_type="pull_request", discussion_status="open"
    ):
        revision = f"refs/pr/{proposal.num}"
        if proposal.author == _CONVERSION_BOT:
            proposed = _files(api, repo, revision)
            if _has_weights(proposed):
                return revision, proposed
    names = ", ".join(sorted(n for n in files if n.endswith((".bin", ".h5", ".msgpack", ".ot"))))
    raise ModelError(
        f"{kind} '{repo}' has no weights as safetensors"
        f"{f' (only {names})' if names else ''}, and Babelift opens no other kind.",
        "The hub converts models at https://huggingface.co/spaces/safetensors/convert. "
        + _CONVERT_YOURSELF,
    )


def _files(api: object, repo: str, revision: str) -> dict[str, int]:
    info = api.model_info(repo, revision=revision, files_metadata=True)  # type: ignore[attr-defined]
    return {file.rfilename: file.size or 0 for file in info.siblings or ()}


def _has_weights(files: Iterable[str]) -> bool:
    return any(_matches(name, WEIGHTS[:2]) for name in files)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _needed(sizes: dict[str, int], patterns: Sequence[str]) -> int:
    return sum(size for name, size in sizes.items() if _matches(name, patterns))


def _check_room(repo: str, sizes: dict[str, int], patterns: Sequence[str]) -> None:
    from huggingface_hub import constants

    needed = _needed(sizes, patterns)
    cache = Path(constants.HF_HUB_CACHE)
    existing = next(path for path in (cache, *cache.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise ModelError(
            f"'{repo}' takes {needed / 1e9:.1f} GB, but only {free / 1e9:.1f} GB are free where "
            f"models are kept ({cache}).",
            f"Make room, or point HF_HOME at a larger disk. {_EMBEDDED}",
        )


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
        f"{constants.ENDPOINT} {_silence(error)}.",
        "Check the network, set HF_ENDPOINT to a mirror or HF_HOME to a cache that has the "
        f"model, or give a folder. {_EMBEDDED}",
    )


def _silence(error: Exception) -> str:
    """Why the hub gave no usable answer, to follow 'the hub'."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if isinstance(error, OfflineModeIsEnabled):
        return "is not asked, because HF_HUB_OFFLINE is set"
    if isinstance(error, HfHubHTTPError) and error.response is not None:
        return f"answered with status {error.response.status_code}"
    # The HTTP library is huggingface_hub's choice and has changed: its errors go by name.
    transport = any(base.__name__ == "TransportError" for base in type(error).__mro__)
    if transport or isinstance(error, OSError):
        return f"cannot be reached: {first_line(error)}"
    return f"gave an answer that is not understood: {first_line(error)}"


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
def announced(repo: str, whole: int, large: int) -> Iterator[Task | None]:
    """Say on our own terminal what is fetched, and open a bar for it.

    huggingface_hub's own bars and warnings are kept away from there; elsewhere they are left as
    they are.

    Args:
        repo: Hub id.
        whole: Bytes of all that is fetched.
        large: Bytes of the weights, which the bar counts.
    """
    progress = shown()
    if progress is None:
        yield None
        return
    from huggingface_hub import constants
    from huggingface_hub.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity(levels.ERROR)
    progress.say(
        f"fetching {repo} ({size_in_words(whole)}) from {constants.ENDPOINT} to "
        f"{constants.HF_HUB_CACHE}, once"
    )
    try:
        with progress.task(repo.rpartition("/")[2], large, unit=BYTES) as task:
            yield task
    finally:
        logging.set_verbosity(verbosity)


def size_in_words(size: int) -> str:
    """Bytes as a person says them.

    >>> size_in_words(1_935_000_000), size_in_words(300_000_000), size_in_words(7)
    ('1.9 GB', '300 MB', '1 MB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6))} MB"


def hidden_bars() -> Any:
    """A class of bars for huggingface_hub that shows nothing."""
    from huggingface_hub.utils.tqdm import tqdm

    class Hidden(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": True})  # type: ignore[no-untyped-call]

    return Hidden


def prefetch(repo: str, revision: str, names: Iterable[str], task: Task | None = None) -> None:
    """Fetch files of a repository into the hub's cache, continuing what is there of them.

    A file that is broken off stays beside its place as `<hash>.part` and is never used; a whole
    one is checked against its hash before it is put there.

    Args:
        repo: Hub id.
        revision: Branch, proposal or commit.
        names: Paths in the repository.
        task: Moved on by the bytes; where there is none, huggingface_hub draws its own bars.

    Raises:
        ModelError: What arrived is not what the hub announced.
        Exception: What huggingface_hub raises where the hub cannot be reached.
    """
    from filelock import FileLock
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import repo_folder_name

    locks = cache_dir() / "models" / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    home = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo, repo_type="model")
    for name in names:
        url = hf_hub_url(repo, name, revision=revision)
        remote = get_hf_file_metadata(url)
        if remote.etag is None or remote.size is None:
            continue
        blob = home / "blobs" / remote.etag
        blob.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(locks / f"{remote.etag}.lock"):
            if not blob.exists():
                _complete(url, remote, blob, name, task)
            elif task is not None:
                task.advance(remote.size)


def _complete(url: str, remote: Any, blob: Path, name: str, task: Task | None) -> None:
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils._headers import build_hf_headers

    headers = build_hf_headers()
    if urlsplit(remote.location).netloc != urlsplit(url).netloc:
        # The store that the hub points to signs its own links and must not see the token.
        headers.pop("authorization", None)
    part = blob.with_name(f"{blob.name}.part")
    with part.open("ab") as stream:
        http_get(
            remote.location,
            stream,
            resume_size=stream.tell(),
            headers=headers,
            expected_size=remote.size,
            displayed_filename=name,
            tqdm_class=_bar_of(task) if task is not None else None,
        )
    if re.fullmatch(r"[0-9a-f]{64}", blob.name) and file_hash(part) != blob.name:
        part.unlink()
        raise ModelError(
            f"'{name}' arrived damaged: it does not have the hash that the hub announced.",
            "Run the same command again; the file is fetched anew.",
        )
    part.replace(blob)


def _bar_of(task: Task) -> Any:
    """As much of tqdm as huggingface_hub uses, moving our own bar."""

    class Bar:
        def __init__(self, *, initial: int = 0, **options: Any) -> None:
            task.advance(initial)

        def __enter__(self) -> "Bar":
            return self

        def __exit__(self, *exception: object) -> None:
            """The task is ended by who opened it."""

        def update(self, amount: float | None = 1) -> None:
            task.advance(amount or 0)

    return Bar


def non_commercial(*words: str | None) -> bool:
    """Whether a licence's id, or a note beside it, forbids commercial use.

    >>> non_commercial("CC-BY-NC-4.0"), non_commercial(None, "for non-commercial use only")
    (True, True)
    >>> non_commercial("NCSA"), non_commercial("MIT"), non_commercial(None)
    (False, False, False)
    """
    text = " ".join(word.replace("_", "-") for word in words if word)
    return bool(re.search(r"\bnc\b|\bnon-?commercial\b", text, flags=re.IGNORECASE))
