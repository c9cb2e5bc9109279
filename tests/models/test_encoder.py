"""The embedded encoder's build on a made-up source: what is read, which pieces stay, the folder."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from babelift.embedded.packed import FILE, read_packed
from models.encoder import build
from models.encoder.pieces import choose, uses
from models.encoder.source import Source, read_source

WIDTH, INNER, LAYERS, POSITIONS = 32, 64, 2, 16
PIECES = [
    "<s>", "<pad>", "</s>", "<unk>", "▁", "▁dog", "▁hund", "犬", "鮎", "ж", "ვ", "d", "o", "g",
    "<mask>",
]  # fmt: skip
SCORES = [0, 0, 0, 0, -3, -9, -8, -10, -4, -5, -2, -12, -12, -8.5, 0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file in the source's form, with random weights."""
    draw = np.random.default_rng(0)
    text = [piece.encode() for piece in PIECES]
    ends = np.cumsum([0, *map(len, text)])
    tensors: dict[str, bytes] = {}

    def matrix(name: str, rows: int, columns: int) -> None:
        blocks = np.empty(rows * columns // 32, np.dtype([("scale", "<f2"), ("codes", "u1", 16)]))
        blocks["scale"] = draw.uniform(0.01, 0.05, len(blocks))
        blocks["codes"] = draw.integers(0, 256, (len(blocks), 16))
        tensors[name] = blocks.tobytes()

    def floats(name: str, count: int) -> None:
        tensors[name] = draw.normal(0, 0.1, count).astype("<f4").tobytes()

    # The table has more rows than there are pieces, as the published one.
    matrix("emb.word", len(PIECES) + 3, WIDTH)
    for name, count in (("pos", POSITIONS * WIDTH), ("type", 2 * WIDTH)):
        floats(f"emb.{name}", count)
    for norm in ("emb.ln", *(f"l{i}.{part}" for i in range(LAYERS) for part in ("aln", "oln"))):
        floats(f"{norm}.w", WIDTH)
        floats(f"{norm}.b", WIDTH)
    for layer in range(LAYERS):
        for part in build.MATRICES:
            rows, columns = {"fi": (INNER, WIDTH), "fo": (WIDTH, INNER)}.get(part, (WIDTH, WIDTH))
            matrix(f"l{layer}.{part}.w", rows, columns)
            floats(f"l{layer}.{part}.b", rows)
    head = b"E5S1" + struct.pack(
        "<8if i", 1, WIDTH, LAYERS, 4, INNER, len(PIECES) + 3, POSITIONS, 2, 1e-12, 32
    )
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, int(ends[-1]))
    head += ends.astype("<u4").tobytes() + np.array(SCORES, "<f4").tobytes() + b"".join(text)
    head += struct.pack("<iI", 1, 9) + struct.pack("<IBI", 0xFF41, 1, 0x41)
    size = len(head) + 4 + sum(2 + len(name) + 21 for name in tensors)
    directory, place = struct.pack("<i", len(tensors)), size
    for name, content in tensors.items():
        is_matrix = len(content) % 18 == 0 and name.endswith(".w") and "ln" not in name
        is_matrix |= name == "emb.word"
        count = len(content) // 18 * 32 if is_matrix else len(content) // 4
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", is_matrix, count, place, len(content))
        place += len(content)
    path = tmp_path / "source.bin"
    path.write_bytes(head + directory + b"".join(tensors.values()))
    return path


@pytest.fixture
def source(path: Path) -> Source:
    return read_source(path)


def test_the_source_is_read_piece_by_piece(source: Source) -> None:
    assert source.pieces == PIECES
    assert source.scores.tolist() == SCORES
    assert source.shape["layers"] == LAYERS
    assert source.floats("l1.q.b").shape == (WIDTH,)
    codes, scales = source.blocks("l1.fo.w")
    assert (codes.shape, scales.shape) == ((WIDTH * 2, 16), (WIDTH * 2,))
    with pytest.raises(ValueError, match=r"emb\.pos is not in four bits"):
        source.blocks("emb.pos")


def test_another_file_is_refused(path: Path) -> None:
    path.write_bytes(b"GGUF" + path.read_bytes()[4:])
    with pytest.raises(ValueError, match="does not begin with b'E5S1'"):
        read_source(path)


def test_pieces_in_use_stay_then_a_share_of_each_script_then_the_likeliest(source: Source) -> None:
    counts = np.zeros(len(PIECES), int)
    counts[PIECES.index("犬")] = 10  # in use, if unlikely
    counts[PIECES.index("▁dog")] = 9  # not often enough
    kept = [PIECES[i] for i in choose(source, counts, 11)]
    # ვ is likelier than ж, and of no script that is kept; 鮎 is a character of its own.
    assert kept == ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁hund", "犬", "鮎", "ж", "g", "<mask>"]
    with pytest.raises(ValueError, match="8 pieces are in use, more than 7"):
        choose(source, counts, 7)


def test_of_a_script_the_likeliest_are_kept_until_their_share_is_reached(source: Source) -> None:
    scores = np.log(np.array([0.5, 0.3, 0.15, 0.05]))
    alphabet = replace(
        source,
        pieces=["<s>", "<pad>", "</s>", "<unk>", "я", "▁ж", "б", "▁", "а", "<mask>"],
        scores=np.array([0, 0, 0, 0, scores[3], scores[1], scores[2], -1, scores[0], 0]),
    )
    kept = [alphabet.pieces[i] for i in choose(alphabet, np.zeros(10, int), 8)]
    # а and ▁ж make up .8, which is below .9; б reaches it, so that я goes.
    assert kept == ["<s>", "<pad>", "</s>", "<unk>", "▁ж", "б", "а", "<mask>"]


def test_uses_are_counted_once_and_kept(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import polars as pl

    from models.encoder import pieces

    pairs = pl.DataFrame({"text": ["hund", "犬"], "text_en": ["dog", "dog"]})
    monkeypatch.setattr(pieces, "training_pairs", lambda _: pairs)
    whole = build.tokenizer(source, range(len(PIECES)))
    counts = uses(whole, tmp_path, tmp_path / "work", at_once=1)
    found = {PIECES[i]: int(counts[i]) for i in np.flatnonzero(counts)}
    assert found == {"▁": 1, "▁dog": 1, "▁hund": 1, "犬": 1}
    monkeypatch.setattr(pieces, "training_pairs", None)
    assert (uses(whole, tmp_path, tmp_path / "work") == counts).all()


def test_the_folder_holds_the_kept_rows_and_opens_once_unpacked(
    source: Source, tmp_path: Path
) -> None:
    from safetensors.numpy import save_file
    from transformers import AutoModel, AutoTokenizer

    kept = [0, 1, 2, 3, 4, 5, 7, 14]
    folder = tmp_path / "encoder"
    build.write(source, kept, folder)
    weights = read_packed(folder / FILE)
    codes, scales = source.blocks("emb.word")
    row = 5  # ▁dog, by hand
    by_hand = [(codes[row, j] & 15) - 8.0 for j in range(16)]
    by_hand += [(codes[row, j] >> 4) - 8.0 for j in range(16)]
    words = weights["embeddings.word_embeddings.weight"]
    assert words[kept.index(row)] == pytest.approx(np.array(by_hand) * float(scales[row]), abs=1e-3)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    model, loading = AutoModel.from_pretrained(
        folder, output_loading_info=True, dtype=torch.float32
    )
    assert all(name.startswith("pooler.") for name in loading["missing_keys"])
    assert not loading["unexpected_keys"]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer(["ｄog  dog 犬", "ж"], padding=True, return_tensors="pt")
    assert inputs["input_ids"].tolist() == [[0, 5, 5, 4, 6, 2], [0, 4, 3, 2, 1, 1]]
    with torch.inference_mode():
        assert model(**inputs).last_hidden_state.isfinite().all()
