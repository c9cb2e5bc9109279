import numpy as np

from babelift.store import write_rows
from babelift.training.log import read_vectors, sample_pairs, vectors_frame


def test_each_target_language_gives_so_many_pairs_and_no_more(rows_of):
    rows = rows_of(10)
    pairs = sample_pairs(rows, seed=0, limit=4)
    assert pairs["lang"].to_list() == ["de"] * 4 + ["ja"] * 4
    texts = dict(zip(rows["id"], rows["text"], strict=True))
    for pair in pairs.iter_rows(named=True):
        assert pair["original"] == texts[pair["original_id"]]
        assert pair["translation"] == texts[f"{pair['original_id']}@{pair['lang']}"]
        assert pair["source_lang"] == "en"
    assert sample_pairs(rows, seed=0, limit=4).equals(pairs)
    assert not sample_pairs(rows, seed=1, limit=4).equals(pairs)


def test_originals_alone_give_no_pairs(rows_of):
    assert sample_pairs(rows_of(3, to=()), seed=0).height == 0


def test_vectors_are_written_and_read(tmp_path, rows_of):
    pairs = sample_pairs(rows_of(2, to=("de",)), seed=0)
    frame = vectors_frame(
        pairs, "before", lambda texts: np.arange(8, dtype=np.float32).reshape(4, 2)
    )
    assert frame["original"].to_list() == [[0, 1], [2, 3]]
    assert frame["translation"].to_list() == [[4, 5], [6, 7]]
    path = tmp_path / "data" / "vectors.parquet"
    assert read_vectors(path) is None
    write_rows(frame, path)
    assert read_vectors(path).equals(frame)
    path.write_bytes(b"damaged")
    assert read_vectors(path) is None


def test_a_text_that_occurs_again_is_encoded_once(rows_of):
    pairs = sample_pairs(rows_of(2), seed=0)
    seen = []

    def encode(texts):
        seen.extend(texts)
        return np.array([[len(text), hash(text) % 1000] for text in texts], dtype=np.float32)

    frame = vectors_frame(pairs, "before", encode)
    assert len(seen) == len(set(seen)) < 2 * pairs.height
    for column, texts in (("original", pairs["original"]), ("translation", pairs["translation"])):
        assert frame[column].to_list() == [[len(text), hash(text) % 1000] for text in texts]
