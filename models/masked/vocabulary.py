"""The tokenizer: one Unigram vocabulary over six languages."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

SPECIAL: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LONGEST: Final = 256
"""Most tokens in a text."""

# Faces, hands, hearts and signs that reviews and tweets use; the training pairs have none.
EMOJI: Final = tuple(
    "😂😍😭😊🙏😘👍💕🔥😁😉💪👏😎😅🤣💔😡😢👎🙄😒😔😞😩🤔🙂😀😃😄😆😋😜😝😤😠🤬🤮🤢🥰🤩🥳😇🙃😐😑"
    "😬😳😱😨😰😥😓😪😴🤗🤷🤦🙌👌✌💯✨⭐🌟🎉❤💙💚💛💜🖤💖💗💓♥☺😏✅❌⚠💩🎁🎵📦💸👀🥺😕☹😌😚😛🤪🤯😈👿💀👋🤝👊✊"
    "🌹🌞🌈☀🎂🍀🏆⚽🎶📷🎄💋😻🐶🐱🍷🍺☕🍕🚀💰📱💻👑🏃🏠"
)


def train_tokenizer(pairs: pl.DataFrame, size: int, *, per_language: int, seed: int) -> Tokenizer:
    """Learn the vocabulary from the same number of sentences of each language.

    Text is brought to NFKC and lower case; punctuation stands alone.

    Args:
        pairs: Rows of `training_pairs`.
        size: Pieces, special tokens and emoji included.
        per_language: Sentences of each language.
        seed: Seed of the choice of sentences.
    """
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(prepend_scheme="always", split=True),
            pre_tokenizers.Punctuation("isolated"),
        ]
    )
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    emoji = [sign for sign in EMOJI if sign.strip()]
    trainer = trainers.UnigramTrainer(
        vocab_size=size - len(emoji) - 1,
        special_tokens=list(SPECIAL),
        unk_token="[UNK]",
        show_progress=False,
        max_piece_length=16,
    )
    tokenizer.train_from_iterator(_sentences(pairs, per_language, seed), trainer)
    return _with_emoji(tokenizer, emoji)


def _sentences(pairs: pl.DataFrame, per_language: int, seed: int) -> Iterator[str]:
    """Sentences of all languages without those that hold a rare character."""
    for lang in ("en", *sorted(pairs["lang"].unique())):
        texts = (
            pairs["text_en"].unique(maintain_order=True)
            if lang == "en"
            else pairs.filter(pl.col("lang") == lang)["text"]
        )
        chosen = texts.sample(min(per_language, len(texts)), seed=seed).to_list()
        counts = Counter(char for text in chosen for char in unicodedata.normalize("NFKC", text))
        yield from (
            text
            for text in chosen
            if all(counts[char] >= 4 for char in unicodedata.normalize("NFKC", text))
        )


def _with_emoji(tokenizer: Tokenizer, emoji: Sequence[str]) -> Tokenizer:
    """The tokenizer with emoji as pieces, each possible at the start of a word or inside it."""
    import json

    state = json.loads(tokenizer.to_str())
    vocabulary = state["model"]["vocab"]
    known = {piece for piece, _ in vocabulary}
    signs = list(dict.fromkeys(unicodedata.normalize("NFKC", sign) for sign in emoji))
    lowest = min(score for _, score in vocabulary)
    vocabulary += [[sign, lowest] for sign in signs if sign not in known]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer
