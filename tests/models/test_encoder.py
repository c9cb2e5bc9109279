"""The encoder's build on a toy: vocabulary, carried-over embeddings, distillation, the folder."""

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Metaspace

from models.encoder import build
from models.encoder.distil import Recipe, distil, draw, encode, teacher_vectors
from models.encoder.initial import initial_embeddings, student
from models.encoder.vocabulary import train_tokenizer
from tests.models.conftest import WORDS


@pytest.fixture(scope="module")
def tokenizer(toy_pairs):
    return train_tokenizer(toy_pairs, 900, per_language=200, seed=0)


@pytest.fixture(scope="module")
def embeddings(toy_pairs, tokenizer, toy_teacher):
    teacher, theirs = toy_teacher
    words = teacher.embeddings.word_embeddings.weight.detach().numpy()
    return initial_embeddings(toy_pairs, tokenizer, theirs, words)


@pytest.fixture(scope="module")
def lessons(toy_pairs, tokenizer, toy_teacher):
    teacher, theirs = toy_teacher
    english = toy_pairs["text_en"].unique(maintain_order=True)
    tokens = [e.ids for e in theirs.encode_batch(english.to_list())]
    vectors = teacher_vectors(teacher, tokens, "cpu")
    recipe = Recipe(steps=1, longest=32)
    return build.split_lessons(toy_pairs, english, tokenizer, vectors, recipe, held_out=20)


def test_punctuation_stands_alone_and_case_and_width_do_not_matter(tokenizer):
    assert tokenizer.encode("The DOG!").tokens == tokenizer.encode("the ｄｏｇ!").tokens
    assert tokenizer.encode("dog!").tokens[-2] == "!" or "[UNK]" in tokenizer.encode("dog!").tokens


def test_every_emoji_is_a_piece_of_its_own(tokenizer):
    assert tokenizer.encode("dog 😍😡").tokens[-3:-1] == ["😍", "😡"]


@pytest.fixture(scope="module")
def carried(toy_pairs, toy_teacher):
    """Embeddings for a vocabulary of the toy's whole words."""
    teacher, theirs = toy_teacher
    words = sorted({f"▁{word}" for lang in ("en", "de", "fr") for word in WORDS[lang]})
    vocabulary = [
        ("[PAD]", 0.0),
        ("[UNK]", 0.0),
        *((word, -5.0) for word in [*words, *WORDS["ja"]]),
    ]
    own = Tokenizer(Unigram(vocabulary, unk_id=1))
    own.normalizer, own.pre_tokenizer = Lowercase(), Metaspace()
    given = teacher.embeddings.word_embeddings.weight.detach().numpy()
    return own, initial_embeddings(toy_pairs, own, theirs, given, rounds=8), given


@pytest.mark.parametrize("lang", ["en", "de", "fr", "ja"])
def test_a_word_starts_where_its_english_lies(lang, carried, toy_teacher):
    own, embeddings, given = carried
    mark = "" if lang == "ja" else "▁"
    seen = [word for word in WORDS["en"] if WORDS["en"].count(word) == 1]
    right = []
    for english in seen:
        word = WORDS[lang][WORDS["en"].index(english)]
        vector = embeddings[own.token_to_id(mark + word)]
        right.append(int((given @ vector).argmax()) == toy_teacher[1].token_to_id(english))
    assert np.mean(right) > 0.8


def test_teacher_vectors_do_not_depend_on_the_batch(toy_teacher, toy_pairs):
    teacher, theirs = toy_teacher
    tokens = [e.ids for e in theirs.encode_batch(toy_pairs["text_en"][:40].to_list())]
    together = teacher_vectors(teacher, tokens, "cpu").astype(np.float32)
    alone = np.vstack([teacher_vectors(teacher, [one], "cpu") for one in tokens])
    assert np.abs(together - alone).max() < 0.03
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(40), abs=2e-3)


def test_batches_are_a_function_of_seed_and_step(lessons):
    recipe = Recipe(steps=5, pairs=30, english=10, negatives=7)
    first, negatives = draw(lessons[0], recipe, 3)
    again, _ = draw(lessons[0], recipe, 3)
    other, _ = draw(lessons[0], recipe, 4)
    assert (first == again).all()
    assert (first != other).any()
    assert (len(first), len(negatives)) == (40, 7)


def test_held_out_sentences_are_never_drawn(lessons):
    own, held_out = lessons
    kept_back = {int(own.english[i]) for rows in held_out.values() for i in rows}
    for step in range(20):
        batch, _ = draw(own, Recipe(steps=20, pairs=60, english=30), step)
        assert not {int(i) for rows in held_out.values() for i in rows} & set(batch.tolist())
        assert not kept_back & {int(i) for i in batch if i < len(own.vectors)}


def test_distilling_brings_sentences_to_the_teachers_vectors_and_the_folder_opens(
    embeddings, lessons, toy_teacher, tokenizer, tmp_path
):
    from transformers import AutoModel, AutoTokenizer

    own, held_out = lessons
    model = student(toy_teacher[0], embeddings, longest=32)
    model.set_attn_implementation("eager")
    recipe = Recipe(steps=40, pairs=60, english=20, warmup=5, negatives=50)
    seen = []
    distil(
        model, own, recipe, folder=tmp_path, device="cpu", every=20,
        measure=lambda model: seen.append(build.retrieval(model, own, held_out, "cpu")) or seen[-1],
    )  # fmt: skip
    assert np.mean(list(seen[-1].values())) > 0.2  # by chance 0.05
    build.save(model, tokenizer, tmp_path / "out")
    opened = AutoModel.from_pretrained(tmp_path / "out").float().eval()
    words = AutoTokenizer.from_pretrained(tmp_path / "out")
    batch = words(["der hund", "der hund sieht eine katze"], padding=True, return_tensors="pt")
    with torch.inference_mode():
        hidden = opened(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(2)
        expected, _ = encode(
            model.float().eval(),
            [words(t)["input_ids"] for t in ("der hund", "der hund sieht eine katze")],
            "cpu",
        )
    assert ((hidden * mask).sum(1) / mask.sum(1)).numpy() == pytest.approx(
        expected.numpy(), abs=0.01
    )
