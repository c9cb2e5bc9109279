"""Large files of the model hub, resumed where an earlier attempt was stopped.

huggingface_hub resumes within one attempt, but discards what it has of a file when the attempt
ends; two gigabytes would begin anew after Ctrl-C. So weights are fetched here, into the place in
huggingface_hub's cache where it looks for them by their hash, and it does the rest.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from babelift.cache import cache_dir
from babelift.errors import ModelError


def prefetch(repo: str, revision: str, names: Iterable[str]) -> None:
    """Fetch files of a repository into the hub's cache, continuing what is there of them.

    A file that is broken off stays beside its place as `<hash>.part` and is never used; a whole
    one is checked against its hash before it is put there.

    Args:
        repo: Hub id.
        revision: Branch, proposal or commit.
        names: Paths in the repository.

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
                _complete(url, told, blob, name)


def _complete(url: str, told: Any, blob: Path, name: str) -> None:
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
        )
    if re.fullmatch(r"[0-9a-f]{64}", blob.name) and _sha256(part) != blob.name:
        part.unlink()
        raise ModelError(
            f"'{name}' arrived damaged: it does not have the hash that the hub announced.",
            "Run the same command again; the file is fetched anew.",
        )
    part.replace(blob)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
