"""Tokenizers' rules: those that published ones have are taken, those that explode are not."""

import base64
import re
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, normalizers, pre_tokenizers

from babelift.tokenizer_checks import pattern_fault, sentencepiece_fault, tokenizer_fault
from tests.support import tiny_m2m100

PUBLISHED = {
    "GPT-2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "CLIP": r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]"
    r"|[^\s\p{L}\p{N}]+",
    "Llama 3": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "o200k": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "BLOOM": r" ?[^(\s|[.,!?…。，、।۔،])]+",
    "DeepSeek": r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?"
    r"[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "XLM-R": r" {2,}",
    "mT5": r"\s+$",
    "thousands": r"(?=(\d{3})+(?!\d))",
    "class of classes": r"[a-z&&[^aeiou]]+|[]x]+|[^]x]*",
    "named": r"(?<word>\w+)-?",
    "options": r"(?i)abc|(?#a comment)d",
}

EXPLOSIVE = {
    "(a+)+$": "repeats what repeats",
    "(a*)*b": "repeats what repeats",
    "(?:a|aa)+$": "repeats a choice",
    "(a|a)*b": "repeats a choice",
    "([a-z]+)*!": "repeats what repeats",
    "(?:(?:a?){30})": "repeats what repeats",
    "(a{1,9}){1,9}b": "repeats what repeats",
    "a{1,9}+b": "repeats what repeats",
    "(x+x+)+y": "repeats what repeats",
    r"(?=(a+)+b)": "repeats what repeats",
    "(?i:(a+))*": "repeats what repeats",
    "a?" * 30 + "a" * 30: "variable places",
    "a*a*a*b": "open repeats",
    ".*.*.*=": "open repeats",
    r"(\w+)\s\1": "refers back",
    r"(?<a>x\k<a>)": "refers back",
    r"(?<a>x\g<a>?)": "refers back",
    "(?(1)a|b)": "unusual kind",
    "(?R)": "unusual kind",
    "a{100000}": "repeats 100,000 times",
    "(a{200}){200}": "matches no less than 40,000",
    "a{99999999999}": "more than a million",
    "x" * 20_000: "20,000 characters",
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_patterns_are_taken(name: str) -> None:
    assert pattern_fault(PUBLISHED[name]) is None


@pytest.mark.parametrize("pattern", EXPLOSIVE)
def test_patterns_that_explode_are_not(pattern: str) -> None:
    assert EXPLOSIVE[pattern] in str(pattern_fault(pattern))


ATOMS = st.sampled_from(["a", "b", r"\w", "[ab]", ".", r"\s", "^", "$"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repeats = st.sampled_from(["", "*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "+?"])
    opened = st.sampled_from(["(", "(?:", "(?=", "(?i:"])
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join),
        st.builds(lambda o, x, r: f"{o}{x}){r}", opened, inner, repeats),
        st.builds(lambda x, r: f"{x}{r}", ATOMS, repeats),
    )


@settings(max_examples=300)
@given(st.recursive(ATOMS, _grown, max_leaves=12))
def test_a_pattern_that_is_taken_ends_soon(pattern: str) -> None:
    if pattern_fault(pattern) is not None:
        return
    try:
        split = pre_tokenizers.Split(Regex(pattern), "isolated")
    except Exception:  # not a pattern of Oniguruma's
        return
    start = time.process_time()
    for text in ("a" * 60 + "!", "ab" * 30 + "\n", "a" * 30 + "b" * 30):
        split.pre_tokenize_str(text)
    assert time.process_time() - start < 2


def rule(**values: Any) -> dict[str, Any]:
    return {"normalizer": {"type": "Sequence", "normalizers": [values]}}


def charsmap(text: bytes) -> str:
    return base64.b64encode(struct.pack("<I", 4) + bytes(4) + text + b"\0").decode()


DOUBLE = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
LETTER = {"type": "Replace", "pattern": {"Regex": "."}, "content": "x" * 1000}
NOTHING = {"type": "Replace", "pattern": {"Regex": "a?"}, "content": "x" * 1000}

FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "doubled": ({"normalizer": {"type": "Sequence", "normalizers": [DOUBLE] * 40}}, "normalizer"),
    "one letter": ({"normalizer": LETTER}, "1,000 characters"),
    "no letter": ({"normalizer": NOTHING}, "1,001 characters"),
    "no text": (rule(type="Replace", pattern={"String": ""}, content="x" * 500), "501"),
    "before": (rule(type="Prepend", prepend="x" * 1000), "1,000"),
    "map": (rule(type="Precompiled", precompiled_charsmap=charsmap(b"x" * 999)), "999"),
    "decoded": ({"decoder": {"type": "Sequence", "decoders": [LETTER]}}, "decoder"),
    "pattern": (rule(type="Replace", pattern={"Regex": "(a+)+$"}, content=""), "repeats"),
    "pattern no text": (rule(type="Replace", pattern={"Regex": 5}, content=""), "is no text"),
    "template": (
        {"post_processor": {"type": "TemplateProcessing", "single": [{}] * 999}}, "999 tokens"),
    "template's ids": (
        {"post_processor": {"special_tokens": {"[CLS]": {"ids": [1] * 999}}}}, "999 tokens"),
    "words": ({"model": {"max_input_chars_per_word": 10**9}}, "1000000000"),
    "padding": ({"padding": {"strategy": {"Fixed": 10**9}}}, "1,000,000,000"),
    "multiple": ({"padding": {"strategy": "BatchLongest", "pad_to_multiple_of": 10**6}}, "1,000"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_rules_that_explode_are_not_taken(name: str) -> None:
    values, fault = FAULTS[name]
    assert fault in str(tokenizer_fault(values))


def test_usual_rules_are_taken() -> None:
    usual = [
        {"type": "Precompiled", "precompiled_charsmap": charsmap("صلى الله عليه وسلم".encode())},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        {"type": "Prepend", "prepend": "▁"},
        {"type": "NFKC"},
    ]
    assert tokenizer_fault({"normalizer": {"type": "Sequence", "normalizers": usual}}) is None
    assert (
        tokenizer_fault({"normalizer": None, "pre_tokenizer": {}, "model": {"vocab": {}}}) is None
    )


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "ab", "b", "aa"]), st.text("ab", max_size=6)), max_size=6
    ),
    st.text("ab", max_size=12),
)
def test_no_text_grows_more_than_the_rules_say(rules: list[tuple[str, str]], text: str) -> None:
    parts = [{"type": "Replace", "pattern": {"String": old}, "content": new} for old, new in rules]
    chain = normalizers.Sequence([normalizers.Replace(old, new) for old, new in rules])
    fault = tokenizer_fault({"normalizer": {"type": "Sequence", "normalizers": parts}})
    most = int(re.sub(r"\D", "", fault)) + 1 if fault else 256
    assert len(chain.normalize_str(text)) <= most * max(1, len(text))


def test_a_sentencepiece_model_with_a_map_that_explodes_is_not_taken(tmp_path: Path) -> None:
    path = tiny_m2m100(tmp_path / "model") / "sentencepiece.bpe.model"
    assert sentencepiece_fault(path) is None

    def piece(number: int, content: bytes) -> bytes:
        length, size = len(content), b""
        while length > 127:
            size += bytes([length & 127 | 128])
            length >>= 7
        return bytes([number << 3 | 2]) + size + bytes([length]) + content

    rules = struct.pack("<I", 4) + bytes(4) + b"x" * 5000 + b"\0"
    path.write_bytes(path.read_bytes() + piece(3, piece(1, b"own") + piece(2, rules)))
    assert "5,000 characters" in str(sentencepiece_fault(path))
    for damage in (b"\x0a\xff", b"\xff" * 20, b"\x0b", b"\x0a"):
        path.write_bytes(damage)
        assert sentencepiece_fault(path) == "it is not a SentencePiece model"
