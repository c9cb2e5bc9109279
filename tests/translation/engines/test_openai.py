"""A language model as a translator: what it is told, and what of its answers is a translation."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.config import Translating
from babelift.errors import ConfigError, TranslationError
from babelift.translation.checks import failure
from babelift.translation.engines import client
from babelift.translation.engines.openai import Chat, load
from babelift.translation.engines.openai_answers import numbered, plain
from babelift.translation.engines.service import UnfitError
from babelift.translation.protocol import Translation
from tests.support.service import Service, says, sends

TEXTS = [f"This is text {number}." for number in range(20)]
UPPER = [text.upper() for text in TEXTS]


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        yield running


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(client, "pause", lambda seconds, stopped: waited.append(seconds))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return waited


def opened(service: Service, **settings: Any) -> Chat:
    return load(f"tiny@{service.url}/v1", Translating(**{"timeout": 30, **settings}))


def translate(chat: Chat, texts: list[str]) -> list[str | None]:
    return [made.text for made in chat.translate(texts, "en", "de")]


def test_the_model_is_told_the_languages_in_words_and_given_nothing_but_texts(
    service: Service,
) -> None:
    chat = opened(service)
    list(chat.translate(["Good.", "Bad."], "en", "zh"))
    [asked] = service.requests
    assert set(asked.body) == {"model", "messages", "temperature"}
    assert (asked.body["model"], asked.body["temperature"]) == ("tiny", 0)
    system, user = asked.body["messages"]
    assert "from English into Simplified Chinese" in system["content"]
    assert json.loads(user["content"]) == {"1": "Good.", "2": "Bad."}
    list(chat.translate(['{"1": "x"}'], "ja", "de"))
    system, user = service.requests[-1].body["messages"]
    assert "from Japanese into German" in system["content"]
    assert user["content"] == '{"1": "x"}'


def test_several_texts_go_into_a_request_and_long_ones_into_fewer(service: Service) -> None:
    assert translate(opened(service), TEXTS) == UPPER
    assert sorted(len(asked.texts) for asked in service.requests) == [4, 16]


UNFIT = {
    "one too few": '{"1": "A"}',
    "one too many": '{"1": "A", "2": "B", "3": "C"}',
    "numbered from 0": '{"0": "A", "1": "B"}',
    "a number twice": '{"1": "A", "1": "B", "2": "C"}',
    "a list": '["A", "B"]',
    "no text": '{"1": "A", "2": 7}',
    "null": '{"1": "A", "2": null}',
    "an empty one": '{"1": "A", "2": " "}',
    "nested": '{"1": {"text": "A"}, "2": "B"}',
    "deep": "{" * 100_000,
    "broken": '{"1": "A", "2": "B',
    "prose": "Here are your translations: A and B.",
    "nothing": "",
    "thoughts alone": "<think>First, A",
    "an apology": '{"1": "A", "2": "I\'m sorry, but I cannot translate this."}',
}


@pytest.mark.parametrize("answer", UNFIT)
def test_an_answer_that_does_not_hold_exactly_what_was_asked_is_asked_for_singly(
    service: Service, answer: str
) -> None:
    service.faults.append(says(UNFIT[answer]))
    chat = opened(service)
    assert translate(chat, TEXTS[:2]) == UPPER[:2]
    assert [len(asked.texts) for asked in service.requests] == [2, 1, 1]
    assert chat.usage.counts["parts"] == 1


def test_what_was_cut_off_is_asked_for_singly_and_cut_there_is_counted(service: Service) -> None:
    service.faults.append(says('{"1": "A", "2": "B"}', ended="length"))
    service.faults.append(says("Dies ist", ended="length"))
    made = list(opened(service, requests=1).translate(TEXTS[:2], "en", "de"))
    assert made == [Translation("Dies ist", True), Translation(UPPER[1])]


FINE = {
    "as asked": '{"1": "Gut.", "2": "Schlecht."}',
    "in another order": '{"2": "Schlecht.", "1": "Gut."}',
    "in a fence": '```json\n{"1": "Gut.", "2": "Schlecht."}\n```',
    "with chatter": 'Sure! Here you go:\n{"1": "Gut.", "2": "Schlecht."}\nHope this helps.',
    "after thoughts": '<think>{"1": "x"} hm</think>{"1": "Gut.", "2": "Schlecht."}',
    "after thoughts without a beginning": 'Hm. {}\n</think>\n{"1": "Gut.", "2": "Schlecht."}',
    "with broken lines": '{\n"1": "Gut.",\n"2": "Schlecht."\n}',
}


@pytest.mark.parametrize("answer", FINE)
def test_numbers_say_which_translation_is_whose(answer: str) -> None:
    assert numbered(FINE[answer], 2) == ["Gut.", "Schlecht."]


@given(st.dictionaries(st.text(max_size=3), st.text(max_size=5) | st.none()), st.integers(1, 4))
def test_what_is_taken_is_exactly_what_was_asked(answer: dict[str, Any], count: int) -> None:
    try:
        made = numbered(json.dumps(answer), count)
    except UnfitError:
        return
    assert made == [answer[str(number)] for number in range(1, count + 1)]
    assert len(answer) == count


CLEANED = {
    "Gut.": "Gut.",
    "<think>Let me see.</think>\n\nGut.": "Gut.",
    "Let me see.\n</think>Gut.": "Gut.",
    "<thinking>a</thinking>Gut.": "Gut.",
    "```\nGut.\n```": "Gut.",
    "```text\nGut.\n```\n": "Gut.",
    "Sure, here is the translation:\n\nGut.": "Gut.",
    "Certainly! Here's the German translation:\nGut.": "Gut.",
    "Here is the translation of your text into German:\n```\nGut.\n```": "Gut.",
    "Of course! Here you go:\n\nGut.": "Gut.",
    "Sure!\n\nGut.": "Gut.",
    "Translation: Gut.": "Gut.",
    "**Translation:** Gut.": "Gut.",
    "German: Gut.": "Gut.",
    "German translation: Gut.": "Gut.",
    "Die Übersetzung lautet: Gut.": "Gut.",
    "Hier ist die Übersetzung:\n\nGut.": "Gut.",
    "翻訳：Gut.": "Gut.",
    "以下是翻译：\nGut.": "Gut.",
    "Voici la traduction :\nGut.": "Gut.",
    '"Gut."': "Gut.",
    "„Gut.“": "Gut.",
    "« Gut. »": "Gut.",
    "Gut.\n\n(Note: I kept it informal.)": "Gut.",
    "Gut.\n\n**Note:** informal.\nSecond line.": "Gut.",
    "Gut.\n\nTranslator's note: none.": "Gut.",
    "Gut.\n\nLet me know if you need anything else!": "Gut.",
    "Gut.\n\nAnmerkung: formlos.": "Gut.",
    "Sure, here is the translation:\n\n\"Gut.\"\n\nNote: short.": "Gut.",
}  # fmt: skip


@pytest.mark.parametrize("answer", CLEANED)
def test_what_surely_is_not_the_translation_is_taken_away(answer: str) -> None:
    assert plain(answer, "Good.", "German") == CLEANED[answer]


KEPT = [
    ('"Gut"', '"Good"'),
    ("'Gut' oder 'schlecht'", "good or bad"),
    ("Hinweis: geht nicht.", "Note: does not work."),
    ("Die Übersetzung: mangelhaft.", "The translation: poor."),
    ("Gut.\n\nHinweis: teuer.", "Good.\n\nHuom: kallis."),
    ("Fazit: gut.", "Verdict: good."),
    ("Deutsch: gut. Englisch: schlecht.", "German: good. English: bad."),
    ("```\ncode\n```", "```\ncode\n```"),
    ("<think>gut</think>", "<think>good</think>"),
    ("Sicher!\nGut.", "Sure!\nGood."),
    ("Lassen Sie es mich wissen\nDanke", "Let me know\nThanks"),
    ("Preis: 5", "It costs 5"),
]


@pytest.mark.parametrize(("answer", "source"), KEPT)
def test_what_the_source_has_too_stays(answer: str, source: str) -> None:
    assert plain(answer, source, "German") == answer


@given(st.text(alphabet="abcä .,!?()0-9\n", max_size=60), st.text(max_size=60))
def test_a_plain_translation_is_never_changed(translation: str, source: str) -> None:
    assert plain(translation, source, "German") == translation.strip()


@given(st.text(max_size=200), st.text(max_size=60))
def test_whatever_is_answered_ends_well(answer: str, source: str) -> None:
    plain(answer, source, "German")


REFUSALS = [
    "I'm sorry, but I can't assist with that request.",
    "I cannot translate this text.",
    "I’m sorry, I can't translate that.",
    "As an AI language model, I do not translate insults.",
    "Es tut mir leid, aber ich kann diese Anfrage nicht bearbeiten.",
    "Es tut mir leid, ich kann das nicht übersetzen.",
    "Lo siento, pero no puedo ayudar con esa solicitud.",
    "Je suis désolé, mais je ne peux pas traduire ce texte.",
    "Désolé, je ne peux pas répondre à cette demande.",
    "申し訳ありませんが、その翻訳はできません。",
    "抱歉，我无法翻译这段文字。",
    "对不起，我不能协助处理这个请求。",
    "Sure, I can translate that for you",
    "",
]


@pytest.mark.parametrize("answer", REFUSALS)
def test_a_refusal_is_not_taken_for_a_translation(service: Service, answer: str) -> None:
    service.always = says(answer)
    [made] = translate(opened(service), ["This is an insult."])
    assert failure("This is an insult.", made or "") in ("error", "empty")


def test_words_of_regret_that_are_the_translation_are_one() -> None:
    for source, translation in (
        ("Sorry, but I cannot recommend it.", "Es tut mir leid, aber ich kann es nicht empfehlen."),
        ("I'm sorry, I can't translate this.", "Es tut mir leid, ich kann das nicht übersetzen."),
        ("Unfortunately it broke.", "Leider ging es kaputt."),
        ("Sorry, no.", "Lo siento, no."),
        ("Sorry for the delay.", "申し訳ありませんが、遅れました。"),
    ):
        assert failure(source, translation) is None


@pytest.mark.parametrize(
    "fault",
    [
        says("something", ended="content_filter"),
        sends(200, {"choices": [{"message": {"content": None, "refusal": "No."}}]}),
        sends(400, {"error": {"message": "filtered", "code": "content_filter"}}),
    ],
)
def test_what_a_service_blocks_is_blocked_for_one_text_alone(service: Service, fault: Any) -> None:
    service.faults.extend([says("", ended="content_filter"), fault])
    chat = opened(service, requests=1)
    assert translate(chat, TEXTS[:2]) == ["", UPPER[1]]
    assert chat.usage.counts["blocked"] == 1


@pytest.mark.parametrize(
    "answer",
    [{}, [], None, 7, {"choices": []}, {"choices": [{}]}, {"choices": [{"message": []}]},
     {"choices": [{"message": {"content": 7}}]}, {"choices": {"0": 1}}, {"error": {"code": 502}},
     {"choices": [{"message": {"content": [7]}}]}],
    ids=str,
)  # fmt: skip
def test_an_answer_of_another_form_is_asked_again_and_then_an_error(
    service: Service, answer: Any
) -> None:
    service.faults.append(sends(200, answer))
    assert translate(opened(service), TEXTS[:1]) == UPPER[:1]
    service.always = sends(200, answer)
    with pytest.raises(TranslationError, match="gives no answer: it has no choices"):
        translate(opened(service), TEXTS[:1])


def test_a_text_in_parts_is_one_text(service: Service) -> None:
    parts = [{"type": "text", "text": "Gut"}, {"type": "text", "text": "."}]
    service.faults.append(says(parts))
    assert translate(opened(service), TEXTS[:1]) == ["Gut."]


@pytest.mark.parametrize(
    ("usage", "sent"),
    [({"prompt_tokens": 11, "completion_tokens": 3}, 11), (None, 0), ({}, 0), ([], 0),
     ({"prompt_tokens": -5}, 0), ({"prompt_tokens": True}, 0), ({"prompt_tokens": "9"}, 0),
     ({"prompt_tokens": 10**30}, 0), ({"prompt_tokens": 1.5}, 0)],
)  # fmt: skip
def test_tokens_are_counted_as_the_service_counts_them(
    service: Service, usage: Any, sent: int
) -> None:
    service.usage = usage
    chat = opened(service)
    translate(chat, TEXTS[:1])
    assert chat.usage.counts["tokens_sent"] == sent


def test_a_model_that_takes_no_temperature_is_asked_without_one_and_that_is_said(
    service: Service,
) -> None:
    message = "Unsupported value: 'temperature' does not support 0 with this model."
    service.faults.append(sends(400, {"error": {"message": message, "param": "temperature"}}))
    chat = opened(service, requests=1)
    assert translate(chat, TEXTS) == UPPER
    assert ["temperature" in asked.body for asked in service.requests] == [True, False, False]
    assert [note for note in chat.notes if "temperature" in note]


def test_a_context_that_is_too_short_means_fewer_texts(service: Service) -> None:
    fault = {"error": {"message": "too long", "code": "context_length_exceeded"}}
    service.faults.append(sends(400, fault))
    assert translate(opened(service), TEXTS[:4]) == UPPER[:4]
    assert [len(asked.texts) for asked in service.requests] == [4, 2, 2]
    service.always = sends(400, fault)
    with pytest.raises(TranslationError, match="too long"):
        translate(opened(service), TEXTS[:1])


def test_the_fingerprint_is_of_model_place_prompt_and_decoding(service: Service) -> None:
    chat = opened(service)
    place = service.url.removeprefix("http://")
    assert chat.fingerprint == f"openai/1:tiny@{place}/v1 temperature 0"
    assert opened(service, requests=9, batch_api=True).fingerprint == chat.fingerprint
    other = chat.variant()
    assert other is not None
    assert other.fingerprint == f"{chat.fingerprint} single"
    assert other.variant() is None
    translate(other, TEXTS[:2])
    assert [len(asked.texts) for asked in service.requests] == [1, 1]
    assert chat.usage.counts["requests"] == 2


@pytest.mark.parametrize(
    "argument",
    ["", "@https://example.org/v1", "https://example.org/v1", "m@localhost:8080/v1", "a b"],
)
def test_what_is_no_model_is_refused(argument: str) -> None:
    with pytest.raises(ConfigError, match="openai:MODEL@URL"):
        load(argument, Translating())


def test_models_with_odd_names_are_models() -> None:
    for model in ("qwen3:8b", "org/model", "@cf/meta/llama", "claude@20240229"):
        assert load(f"{model}@http://localhost/v1", Translating()).name == f"openai:{model}"


def test_what_is_expected_is_near_what_is_counted(service: Service) -> None:
    expected = opened(service).expected(TEXTS[:16], "en", "de")
    assert expected["requests"] == 1
    assert expected["characters_sent"] == sum(map(len, TEXTS[:16]))
    assert 150 < expected["tokens_sent"] < 450
    assert 80 < expected["tokens_received"] < 300


# The batch endpoint.


def handed_in(service: Service) -> int:
    return sum(asked.path == "/v1/batches" and asked.method == "POST" for asked in service.requests)


def directly(service: Service) -> list[int]:
    return [len(asked.texts) for asked in service.requests if asked.path.endswith("completions")]


def test_a_batch_is_handed_in_waited_for_and_taken(
    service: Service, waits: list[float], cache_folder: Path
) -> None:
    chat = opened(service, batch_api=True)
    texts = [f"text {number}" for number in range(100)]
    assert translate(chat, texts) == [text.upper() for text in texts]
    assert handed_in(service) == 1
    assert directly(service) == [16]  # the first, which shows what is wrong at once
    assert waits
    assert list((cache_folder / "batches").iterdir()) == []
    assert chat.usage.counts["characters_sent"] == sum(map(len, texts))


def test_a_few_requests_are_no_batch(service: Service) -> None:
    assert translate(opened(service, batch_api=True), TEXTS) == UPPER
    assert translate(opened(service, batch_api=True), []) == []
    assert handed_in(service) == 0


def test_what_a_batch_lost_is_handed_in_again(service: Service) -> None:
    texts = [f"text {number}" for number in range(200)]
    service.lost = set(range(6))
    assert translate(opened(service, batch_api=True), texts) == [text.upper() for text in texts]
    assert handed_in(service) == 2
    assert directly(service) == [16]
    service.lost = {0, 2}
    texts = [f"other {number}" for number in range(200)]
    assert translate(opened(service, batch_api=True), texts) == [text.upper() for text in texts]
    assert handed_in(service) == 3
    assert directly(service) == [16, 16, 16, 16]  # a few are asked for directly


@pytest.mark.parametrize("when", ["waiting", "before the id is known", "taking"])
def test_a_run_that_was_killed_waits_for_the_batch_that_it_handed_in(
    service: Service, monkeypatch: pytest.MonkeyPatch, cache_folder: Path, when: str
) -> None:
    texts = [f"text {number}" for number in range(100)]
    batches = [texts[start : start + 16] for start in range(0, 100, 16)]

    class KilledError(Exception):
        pass

    def killed(*anything: Any) -> None:
        raise KilledError

    made = opened(service, batch_api=True).translate_batches(batches, "en", "de")
    if when == "waiting":
        monkeypatch.setattr(client, "pause", killed)
    with pytest.raises(KilledError):  # noqa: PT012 - taken one by one, as the driver does
        next(made)
        if when == "taking":
            next(made)
            killed()
        for _ in made:
            killed()
    made.close()  # type: ignore[attr-defined]
    if when == "before the id is known":
        [note] = (cache_folder / "batches").iterdir()
        known = json.loads(note.read_bytes())
        del known["id"]
        note.write_text(json.dumps(known))
    monkeypatch.setattr(client, "pause", lambda seconds, stopped: None)
    left = batches[2:] if when == "taking" else batches[1:]
    again = opened(service, batch_api=True).translate_batches(left, "en", "de")
    assert [made.text for batch in again for made in batch] == [
        text.upper() for batch in left for text in batch
    ]
    assert handed_in(service) == 1
    assert list((cache_folder / "batches").iterdir()) == []


@pytest.mark.parametrize("status", ["failed", "something else"])
def test_a_batch_that_fails_is_an_error_and_is_not_waited_for_again(
    service: Service, cache_folder: Path, status: str
) -> None:
    texts = [f"text {number}" for number in range(100)]
    batches = service.batches

    class Failing(dict[str, Any]):
        def __setitem__(self, name: str, batch: Any) -> None:
            super().__setitem__(name, {**batch, "status": status, "errors": {"data": ["no"]}})

    service.batches = Failing(batches)
    with pytest.raises(TranslationError, match="the batch has failed"):
        translate(opened(service, batch_api=True), texts)
    assert list((cache_folder / "batches").iterdir()) == []


@pytest.mark.parametrize("name", [None, 7, "", "../../v1/models", "a b", ["x"]])
@pytest.mark.parametrize("what", ["id", "output_file_id"])
def test_an_id_that_is_none_goes_into_no_path(service: Service, name: Any, what: str) -> None:
    class Odd(dict[str, Any]):
        def __setitem__(self, key: str, batch: Any) -> None:
            super().__setitem__(key, {**batch, what: name, "status": "completed"})

    service.batches = Odd()
    texts = [f"text {number}" for number in range(100)]
    if what == "output_file_id" and name is None:  # none of the requests was answered
        assert translate(opened(service, batch_api=True), texts) == [t.upper() for t in texts]
        return
    with pytest.raises(TranslationError, match="without the id of a file or batch"):
        translate(opened(service, batch_api=True), texts)


def test_a_service_without_batches_says_so(service: Service) -> None:
    service.missing = ("/v1/files",)
    with pytest.raises(TranslationError, match="has no batch endpoint") as error:
        translate(opened(service, batch_api=True), TEXTS * 10)
    assert "Leave --batch-api out" in str(error.value)


def test_files_of_answers_may_hold_anything(service: Service) -> None:
    texts = [f"text {number}" for number in range(100)]
    chat = opened(service, batch_api=True)
    rubbish = [
        b"no json", b"[]", b"7", b"{}", b'{"custom_id": 7, "response": {}}', b'{"custom_id": []}',
        b'{"custom_id": "other", "response": {"status_code": 200, "body": {}}}',
        b'{"custom_id": "x", "response": null}',
        b'{"custom_id": "x", "response": {"status_code": 200, "body": ' + b"[" * 700 + b"]" * 700 +
        b"}}",
        b"[" * 100_000, b"\xff",
    ]  # fmt: skip

    class Files(dict[str, bytes]):
        def __setitem__(self, name: str, content: bytes) -> None:
            if name.endswith("-out"):
                lines = content.splitlines()
                content = b"\n".join([*rubbish, *lines, *lines, *rubbish])
            super().__setitem__(name, content)

    service.files = Files()
    assert translate(chat, texts) == [text.upper() for text in texts]
    assert handed_in(service) == 1
    assert Counter(chat.usage.counts)["characters_sent"] == sum(map(len, texts))
