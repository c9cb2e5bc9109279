"""Large files of the model hub, resumed where an earlier attempt was stopped.

huggingface_hub resumes within one attempt, but discards what it has of a file when the attempt
ends; two gigabytes would begin anew after Ctrl-C. So weights are fetched here, into the place in
huggingface_hub's cache where it looks for them by their hash, and it does the rest.
"""

import hashlib
import logging as levels
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from babelift.cache import cache_dir
from babelift.errors import ModelError
from babelift.progress import BYTES, Task, shown


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
        told = get_hf_file_metadata(url)
        if told.etag is None or told.size is None:
            continue
        blob = home / "blobs" / told.etag
        blob.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(locks / f"{told.etag}.lock"):
            if not blob.exists():
                _complete(url, told, blob, name, task)
            elif task is not None:
                task.advance(told.size)


def _complete(url: str, told: Any, blob: Path, name: str, task: Task | None) -> None:
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils._headers import build_hf_headers

    headers = build_hf_headers()
    if urlsplit(told.location).netloc != urlsplit(url).netloc:
        # The store that the hub points to signs its own links and must not see the token.
        headers.pop("authorization", None)
    part = blob.with_name(f"{blob.name}.part")
    with part.open("ab") as stream:
        http_get(
            told.location,
            stream,
            resume_size=stream.tell(),
            headers=headers,
            expected_size=told.size,
            displayed_filename=name,
            tqdm_class=_bar_of(task) if task is not None else None,
        )
    if re.fullmatch(r"[0-9a-f]{64}", blob.name) and _sha256(part) != blob.name:
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


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
