"""Long texts are made of short ones without parting a pair."""

from collections import defaultdict

from pair_batches import joined
from train import pairs


def test_long_texts_are_sentences_of_one_label_beside_their_translations(monkeypatch, tmp_path):
    monkeypatch.setenv("BABELIFT_DATA", str(tmp_path))  # the sample, on every machine
    rows = pairs(300)[0]
    short = list(
        zip(*(part.iter_rows(named=True) for part in (rows[:150], rows[150:])), strict=True)
    )
    groups = defaultdict(list)
    for original, translation in short:
        assert translation["original_id"] == original["id"]
        groups[original["lang"], original["label"]].append((original, translation))
    expected = {
        " ".join(one["text"] for one, _ in three): " ".join(two["text"] for _, two in three)
        for group in groups.values()
        for three in (group[start : start + 3] for start in range(0, len(group) - 2, 3))
    }
    long = joined(rows)
    assert long.columns == rows.columns
    text_of = dict(long.select("id", "text").iter_rows())
    made = {
        text_of[original]: text
        for name, original, text in long.select("id", "original_id", "text").iter_rows()
        if name != original
    }
    assert len(expected) > 40
    assert made == expected
    assert long.height == 2 * len(expected)
