"""Translation by a chat model of transformers that was trained for it: Tencent's HY-MT.

The model is asked as its authors ask it, through its own chat template, and decodes greedily.
"""

import hashlib
from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import permutations
from pathlib import Path
from typing import Any, Final, Literal

from babelift.config import Translating
from babelift.errors import ModelError, TranslationError, first_line
from babelift.hub import MODEL_FILES, fetch, open_model, open_tokenizer
from babelift.languages import LANGUAGES
from babelift.translation.engines.convert import device
from babelift.translation.engines.model_files import identity
from babelift.translation.engines.tokens import clean
from babelift.translation.engines.transformers import by_length
from babelift.translation.protocol import Translation, check_pair
from babelift.translation.registry import TRANSLATORS, license_of, suggestions
from babelift.translation.segments import MAX_TOKENS

PROMPT: Final = "Translate the following segment into {}, without additional explanation.\n\n"
PROMPT_ZH: Final = "将以下文本翻译为{}，注意只需要输出翻译后的结果，不要额外解释：\n\n"
"""For pairs with Chinese; it names the language in Chinese."""

_NAMES: Final = """
ar 阿拉伯语|bn 孟加拉语|cs 捷克语|de 德语|en 英语|es 西班牙语|fa 波斯语|fr 法语
gu 古吉拉特语|he 希伯来语|hi 印地语|id 印尼语|it 意大利语|ja 日语|kk 哈萨克语
km 高棉语|ko 韩语|mn 蒙古语|mr 马拉地语|ms 马来语|my 缅甸语|nl 荷兰语|pl 波兰语
pt 葡萄牙语|ru 俄语|ta 泰米尔语|te 泰卢固语|th 泰语|tl 菲律宾语|tr 土耳其语
ug 维吾尔语|uk 乌克兰语|ur 乌尔都语|vi 越南语|yue 粤语|zh 中文
"""
_CHINESE: Final[dict[str, str]] = dict(
    entry.split() for entry in _NAMES.strip().replace("\n", "|").split("|")
)
"""The languages of HY-MT that the table has, with their names in Chinese."""

_FILES: Final = (*MODEL_FILES, "chat_template.jinja")
_PLACE: Final = "\N{OBJECT REPLACEMENT CHARACTER}"
_SPARE: Final = 32


class ChatTranslator:
    """A chat model that translates, one sentence a message.

    Args:
        folder: The model's folder, weights as safetensors.
        name: Short name for tables and reports.
        license: Its licence, None where not known.
        beam_size: Beam width; 1 is greedy.

    Raises:
        ModelError: The model cannot be opened, or has no chat template.
    """

    unit: Literal["sentence", "text"] = "sentence"
    max_input_tokens: int = MAX_TOKENS

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        license: str | None = None,  # noqa: A002 - the protocol's name
        beam_size: int = 1,
    ) -> None:
        import torch
        import transformers

        self.name, self.license = name, license
        self._tokenizer = open_tokenizer(folder, kind="translator")
        if not self._tokenizer.chat_template:
            raise ModelError(
                f"'{folder}' has no chat template, so it is not known how to ask its model.",
                "It stands in chat_template.jinja or in tokenizer_config.json.",
            )
        model, _ = open_model(
            transformers.AutoModelForCausalLM, folder, kind="translator", dtype="auto"
        )
        self._model = model.to(device())
        self._decoding = _decoding(model.generation_config, beam_size)
        asked = hashlib.sha256(f"{PROMPT}{PROMPT_ZH}{_CHINESE}".encode()).hexdigest()[:16]
        self.fingerprint = (
            f"chat:{identity(folder, _FILES)} transformers:{transformers.__version__} "
            f"torch:{torch.__version__} {model.dtype} beam:{beam_size} prompt:{asked}"
        )

    def pairs(self) -> frozenset[tuple[str, str]]:
        """The (source, target) tags the model has."""
        return frozenset(permutations(_CHINESE, 2))

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Iterator[Translation]:
        """Translate texts, one result per text, in order.

        Raises:
            LanguageError: The model lacks the pair.
            TranslationError: The engine failed.
        """
        check_pair(self.name, source_lang, target_lang, self.pairs())
        before, after = self._question(source_lang, target_lang)
        contents = self._encode(texts)

        def generate(batch: list[int]) -> list[Translation]:
            questions = [[*before, *contents[number], *after] for number in batch]
            longest = max(len(contents[number]) for number in batch)
            return self._answers(questions, 2 * longest + _SPARE)

        yield from by_length(texts, [len(ids) + len(before) for ids in contents], generate)

    def count_tokens(self, texts: Sequence[str], source_lang: str, target_lang: str) -> list[int]:
        """The tokens of each text, without the question around it."""
        return list(map(len, self._encode(texts)))

    def close(self) -> None:
        """Nothing to let go of but memory, which goes with the object."""

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        """A text's tokens; what looks like one of the chat's marks is text."""
        if not texts:
            return []
        encoded = self._tokenizer(
            [clean(text) for text in texts], add_special_tokens=False, split_special_tokens=True
        )
        ids: list[list[int]] = encoded["input_ids"]
        return ids

    def _question(self, source_lang: str, target_lang: str) -> tuple[list[int], list[int]]:
        """The tokens before a text and after it."""
        with_chinese = {"zh", "yue"} & {source_lang, target_lang}
        prompt = (
            PROMPT_ZH.format(_CHINESE[target_lang])
            if with_chinese
            else PROMPT.format(LANGUAGES[target_lang].name)
        )
        message = [{"role": "user", "content": prompt + _PLACE}]
        try:
            whole = self._tokenizer.apply_chat_template(
                message, tokenize=False, add_generation_prompt=True
            )
        except Exception as error:  # whatever a template raises
            raise ModelError(
                f"{self.name}: its chat template cannot be used: {first_line(error)}."
            ) from error
        parts = whole.split(_PLACE)
        if len(parts) != 2:
            raise ModelError(f"{self.name}: its chat template does not repeat the message once.")
        before, after = (
            self._tokenizer(part, add_special_tokens=False)["input_ids"] for part in parts
        )
        return before, after

    def _answers(self, questions: list[list[int]], most: int) -> list[Translation]:
        import torch

        pad = self._decoding.pad_token_id
        width = max(map(len, questions))
        rows = [[pad] * (width - len(row)) + row for row in questions]
        mask = [[0] * (width - len(row)) + [1] * len(row) for row in questions]
        inputs = {"input_ids": torch.tensor(rows), "attention_mask": torch.tensor(mask)}
        inputs = {name: values.to(self._model.device) for name, values in inputs.items()}
        self._model.generation_config = self._decoding
        try:
            with torch.inference_mode():
                outputs = self._model.generate(**inputs, max_new_tokens=most)
        except (RuntimeError, ValueError, IndexError) as error:
            raise TranslationError(
                f"{self.name}: the engine failed: {first_line(error)}."
            ) from error
        ends = self._decoding.eos_token_id
        ends = ends if isinstance(ends, list) else [ends]
        answers = [row[width:] for row in outputs.tolist()]
        texts = self._tokenizer.batch_decode(answers, skip_special_tokens=True)
        return [
            Translation(text.strip(), not {*ends} & {*row})
            for text, row in zip(texts, answers, strict=True)
        ]


def load(argument: str, config: Translating) -> ChatTranslator:
    """The translator of `hy-mt` or `hy-mt:FOLDER_OR_HUB_ID`.

    Raises:
        ModelError: The model cannot be found, fetched or opened.
    """
    entry = TRANSLATORS["hy-mt"]
    source = argument or str(entry.hub_id)
    folder = fetch(source, kind="translator", known=suggestions(), patterns=_FILES)
    return ChatTranslator(
        folder, name="hy-mt", license=license_of(entry, argument), beam_size=config.beam_size
    )


def _decoding(published: Any, beam_size: int) -> Any:
    """The model's own settings without chance: the same text gives the same translation."""
    settings = deepcopy(published)
    settings.do_sample, settings.num_beams = False, beam_size
    settings.temperature = settings.top_k = settings.top_p = settings.max_length = None
    if settings.pad_token_id is None:
        ends = settings.eos_token_id
        settings.pad_token_id = ends[0] if isinstance(ends, list) else ends
    return settings
