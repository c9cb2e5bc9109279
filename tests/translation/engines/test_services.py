"""Translators that ask a service: each way in which one can misbehave, and no key anywhere."""

import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.config import Translating
from babelift.errors import BabeliftError, ConfigError, LanguageError, TranslationError
from babelift.translation.engines import client
from babelift.translation.engines.addresses import read_address
from babelift.translation.engines.client import TRIES
from babelift.translation.engines.service import in_order
from babelift.translation.memory import Memory
from babelift.translation.on_ray import load_on_ray
from babelift.translation.protocol import Translator
from babelift.translation.registry import load_translator
from babelift.translation.segments import Lane, Tally, translate_texts
from tests.support.service import (
    Fault,
    Service,
    cut,
    drips,
    floods,
    resets,
    sends,
)

KEY = "sk-Zx9CanaryKey7Qw-0123456789"
VARIABLES = ("OPENAI_API_KEY", "LIBRETRANSLATE_API_KEY", "DEEPL_AUTH_KEY")
KINDS = ("openai", "libretranslate", "deepl")


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        yield running


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, KEY)
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were to be waited; nothing waits."""
    waited: list[float] = []
    monkeypatch.setattr(client, "pause", lambda seconds, stopped: waited.append(seconds))
    return waited


def opened(service: Service, kind: str, **settings: Any) -> Translator:
    spec = service.chat if kind == "openai" else f"{kind}:{service.url}"
    return load_translator(spec, config=Translating(**{"timeout": 30, **settings}))


def translate(translator: Translator, texts: list[str]) -> list[str | None]:
    return [made.text for made in translator.translate(texts, "en", "de")]


TEXTS = [f"This is text {number}." for number in range(70)]
UPPER = [text.upper() for text in TEXTS]


@pytest.mark.parametrize("kind", KINDS)
def test_texts_are_translated_in_order_several_requests_at_a_time(
    service: Service, kind: str
) -> None:
    translator = opened(service, kind)
    assert isinstance(translator, Translator)
    assert translate(translator, TEXTS) == UPPER
    usage = translator.usage.counts  # type: ignore[attr-defined]
    assert usage["characters_sent"] == sum(map(len, TEXTS))
    assert usage["characters_received"] == sum(map(len, UPPER))


@pytest.mark.parametrize("kind", KINDS)
def test_the_key_goes_where_it_belongs_and_nowhere_else(service: Service, kind: str) -> None:
    translator = opened(service, kind)
    translate(translator, TEXTS[:2])
    [asked] = service.translated
    places = {
        "openai": asked.headers.get("authorization") == f"Bearer {KEY}",
        "deepl": asked.headers.get("authorization") == f"DeepL-Auth-Key {KEY}",
        "libretranslate": asked.body.get("api_key") == KEY,
    }
    assert [name for name, there in places.items() if there] == [kind]
    assert not any(KEY in asked.path for asked in service.requests)
    assert KEY not in translator.fingerprint + translator.name + repr(vars(translator))


def test_a_service_without_keys_is_asked_without_one(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name)
    for kind in ("openai", "libretranslate"):
        assert translate(opened(service, kind), TEXTS[:2]) == UPPER[:2]
    assert not any("authorization" in asked.headers for asked in service.requests)
    assert not any("api_key" in (asked.body or {}) for asked in service.requests)
    with pytest.raises(ConfigError, match="needs a key in the environment variable DEEPL_AUTH_KEY"):
        opened(service, "deepl").pairs()


PASSING: dict[str, Fault] = {
    "429": sends(429, {"error": {"message": "Slow down."}}),
    "429 with seconds": sends(429, b"", Retry_After="7"),
    "429 with a date": sends(429, b"", Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
    "429 with nonsense": sends(429, b"", Retry_After="soon"),
    "500": sends(500, b"<html>Oops</html>"),
    "503": sends(503, b"", Retry_After="2"),
    "529": sends(529),
    "reset": resets,
    "broken off": cut,
    "slow drip": drips,
    "no JSON": sends(200, b"<html>hello</html>"),
    "empty": sends(200, b""),
    "deep JSON": sends(200, b"[" * 200_000),
    "rather deep JSON": sends(200, b'{"a":' * 600 + b"1" + b"}" * 600),
    "endless": floods,
    "compressed": sends(200, b"\x1f\x8b", Content_Encoding="gzip"),
    "no HTTP": lambda handler: handler.wfile.write(b"nonsense\r\n\r\n"),  # type: ignore[dict-item]
    "bytes that are no text": sends(200, b"\xff\xfe\x00"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_asked_again(
    service: Service, kind: str, fault: str, waits: list[float]
) -> None:
    translator = opened(service, kind, timeout=0.3 if fault == "slow drip" else 30)
    service.faults.append(PASSING[fault])
    assert translate(translator, TEXTS[:2]) == UPPER[:2]
    assert len(service.translated) == 2
    assert len(waits) >= 1
    assert translator.usage.counts["again"] == 1  # type: ignore[attr-defined]
    if fault == "429 with seconds":
        assert max(waits) >= 7


def test_back_off_grows_with_jitter_and_ends(service: Service, waits: list[float]) -> None:
    service.always = sends(503, {"error": "down"})
    with pytest.raises(TranslationError, match=f"answers 503: 'down', {TRIES} times in a row"):
        translate(opened(service, "openai"), TEXTS[:1])
    assert len(service.requests) == TRIES
    bounds = [(2**n / 2, 2**n) for n in range(6)]
    assert all(low <= wait <= high for (low, high), wait in zip(bounds, waits, strict=False))
    assert len(waits) == TRIES - 1
    assert max(waits) <= 60


def test_a_service_that_wants_us_to_wait_for_an_hour_is_not_waited_for(service: Service) -> None:
    for value in ("3600", "Wed, 21 Oct 2099 07:28:00 GMT"):
        service.faults.append(sends(429, b"", Retry_After=value))
        with pytest.raises(TranslationError, match="asks to wait") as error:
            translate(opened(service, "openai"), TEXTS[:1])
        assert "run the same command again" in str(error.value)


def test_where_one_request_is_told_to_wait_all_wait(service: Service, waits: list[float]) -> None:
    translator = opened(service, "deepl", requests=1)
    translator.pairs()
    service.faults.append(sends(429, b"", Retry_After="50"))
    translate(translator, TEXTS)  # two requests
    assert [round(wait) for wait in waits if wait > 40] == [50] * len([w for w in waits if w > 40])
    assert len([wait for wait in waits if wait > 40]) >= 2


REFUSALS = {
    400: "leave that out", 401: "_KEY, which is not right", 403: "_KEY, which is not right",
    402: "quota or credit is used up", 404: "is the path of the address right",
    413: "smaller --batch-tokens", 456: "quota or credit is used up", 422: "leave that out",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", REFUSALS)
def test_what_would_be_refused_again_is_not_asked_again(
    service: Service, kind: str, status: int, waits: list[float]
) -> None:
    service.always = sends(status, {"message": f"Not so, {KEY}.", "error": f"Not so, {KEY}."})
    with pytest.raises(TranslationError) as error:
        translate(opened(service, kind), TEXTS[:1])
    assert f"refuses the request ({status}): 'Not so, ….'" in str(error.value)
    assert REFUSALS[status] in str(error.value)
    assert len(service.translated) == 1
    assert waits == []


def test_a_quota_that_is_used_up_is_no_rate_limit(service: Service, waits: list[float]) -> None:
    fault = {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}
    service.always = sends(429, fault)
    with pytest.raises(TranslationError, match="quota or credit is used up"):
        translate(opened(service, "openai"), TEXTS[:1])
    assert len(service.requests) == 1


def test_a_request_that_is_too_large_is_halved(service: Service) -> None:
    def narrow(handler: Any) -> None:
        body = service.requests[-1]
        if len(body.texts) > 2:
            sends(413)(handler)
        else:
            sends(200, {"translatedText": [text.upper() for text in body.texts]})(handler)

    service.always = narrow
    translator = opened(service, "libretranslate", requests=1)
    assert translate(translator, TEXTS[:8]) == UPPER[:8]
    assert [len(asked.texts) for asked in service.translated] == [8, 4, 2, 2, 4, 2, 2]


@pytest.mark.parametrize("where", ["other", "same"])
def test_nothing_is_sent_to_where_a_service_sends_us_on(service: Service, where: str) -> None:
    with Service() as other:
        target = (other if where == "other" else service).url
        for status in (301, 302, 303, 307, 308):
            service.faults.append(sends(status, b"", Location=f"{target}/v1/{KEY}"))
            with pytest.raises(TranslationError, match="it sends us on to 127") as error:
                translate(opened(service, "openai"), TEXTS[:1])
            assert KEY not in str(error.value)
        assert other.requests == []
    assert len(service.requests) == 5


WRONG_COUNTS: list[Any] = [
    {"translatedText": []}, {"translatedText": ["A"]}, {"translatedText": ["A"] * 3},
    {"translatedText": "A"}, {"translatedText": ["A", None]}, {"translatedText": ["A", 3]}, {}, [],
    None, "A", 7,
]  # fmt: skip


@pytest.mark.parametrize("answer", WRONG_COUNTS, ids=str)
@pytest.mark.parametrize("kind", ["libretranslate", "deepl"])
def test_an_answer_for_other_texts_than_were_asked_is_never_taken(
    service: Service, kind: str, answer: Any
) -> None:
    if kind == "deepl" and isinstance(answer, dict) and answer:
        made = answer["translatedText"]
        texts = [{"text": text} for text in made] if isinstance(made, list) else made
        answer = {"translations": texts}
    service.faults.append(sends(200, answer))
    assert translate(opened(service, kind), TEXTS[:2]) == UPPER[:2]  # singly
    service.always = sends(200, answer)
    if answer not in ({"translatedText": ["A"]}, {"translations": [{"text": "A"}]}):
        with pytest.raises(TranslationError, match="gave"):
            translate(opened(service, kind), TEXTS[:2])


def test_codes_are_the_services_own(service: Service) -> None:
    translator = opened(service, "libretranslate")
    list(translator.translate(["Good."], "zh", "no"))
    assert service.translated[-1].body["source"] == "zh-Hans"
    assert service.translated[-1].body["target"] == "nb"
    deepl = opened(service, "deepl")
    list(deepl.translate(["Gut."], "de", "en"))
    assert service.translated[-1].body["source_lang"] == "DE"
    assert service.translated[-1].body["target_lang"] == "EN-US"
    assert deepl.notes == ["deepl: 'en' is translated into American English (EN-US)"]
    list(deepl.translate(["Good."], "en", "zh"))
    assert service.translated[-1].body["source_lang"] == "EN"
    assert deepl.usage.counts["characters_billed"] == 9
    for translator in (opened(service, "libretranslate"), deepl):
        assert ("en", "de") in (translator.pairs() or ())
        with pytest.raises(LanguageError, match="cannot translate from 'en' into 'hi'"):
            list(translator.translate(["Good."], "en", "hi"))


def test_deepl_goes_to_the_free_host_with_a_free_key(monkeypatch: pytest.MonkeyPatch) -> None:
    fingerprints = set()
    for key, host in ((f"{KEY}:fx", "api-free.deepl.com"), (KEY, "api.deepl.com")):
        monkeypatch.setenv("DEEPL_AUTH_KEY", key)
        for spec in ("deepl", "deepl:"):
            translator: Any = load_translator(spec)
            assert translator.client.address.place == host
            fingerprints.add(translator.fingerprint)
    assert len(fingerprints) == 1


ADDRESSES = {
    "https://me:Zx9Canary7Qw@example.org/v1": "holds a user name or a password",
    "https://Zx9Canary7Qw@example.org/v1": "holds a user name or a password",
    "https://example.org/v1?key=Zx9Canary7Qw": "holds a query",
    "https://example.org/v1#Zx9Canary7Qw": "holds a fragment",
    "http://example.org/v1": "is not encrypted",
    "http://8.8.8.8/Zx9Canary7Qw": "is not encrypted",
    "http://[::ffff:8.8.8.8]/v1": "is not encrypted",
    "Zx9Canary7Qw:fx": "is none",
    "ftp://example.org/Zx9Canary7Qw": "is none",
    "https://": "is none",
    "https://example.org:Zx9Canary7Qw/": "is none",
    "https://exa mple.org/v1": "is none",
    "https://example.org/v1\r\nX-Evil: 1": "is none",
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_addresses_that_may_not_be_used_are_refused_without_being_shown(address: str) -> None:
    for spec in (f"openai:tiny@{address}", f"libretranslate:{address}", f"deepl:{address}"):
        if address.startswith("http") or not spec.startswith("openai"):
            with pytest.raises(ConfigError, match=ADDRESSES[address]) as error:
                load_translator(spec)
        else:
            with pytest.raises(ConfigError) as error:
                load_translator(spec)
        assert "Zx9Canary7Qw" not in str(error.value)


def test_plain_http_is_for_near_hosts_and_those_that_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BABELIFT_PLAIN_HTTP", "example.org, example.com")
    assert read_address("http://example.com:81/a/", "x").place == "example.com:81/a"
    with pytest.raises(ConfigError, match=r"BABELIFT_PLAIN_HTTP=www\.example\.org"):
        read_address("http://www.example.org", "x")


def test_an_address_may_be_written_with_the_end_of_single_requests() -> None:
    for spec in ("openai:m@http://localhost/v1/chat/completions", "openai:m@http://localhost/v1/"):
        assert load_translator(spec).fingerprint == "openai/1:m@localhost/v1 temperature 0"


def test_openai_itself_is_meant_where_no_address_is_given() -> None:
    loaded: Any = load_translator("openai:gpt-4o-mini")
    assert loaded.client.address.place == "api.openai.com/v1"
    assert loaded.client.address.secure


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
def test_a_key_that_cannot_be_one_is_refused_without_being_shown(
    service: Service, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY holds") as error:
        translate(opened(service, "openai"), TEXTS[:1])
    assert key not in str(error.value)
    assert service.requests == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_a_service_repeats_goes_nowhere(service: Service, kind: str) -> None:
    service.translate = lambda text: f"{KEY} {text}"
    made = translate(opened(service, kind), TEXTS[:3])
    assert all(text is not None and text.startswith("… ") for text in made)
    service.always = sends(400, f"What is {KEY}?".encode(), X_Key=KEY)
    with pytest.raises(TranslationError) as error:
        translate(opened(service, kind), TEXTS[:1])
    assert KEY not in str(error.value)
    service.always = lambda handler: handler.wfile.write(f"{KEY} {KEY}\r\n\r\n".encode())
    with pytest.raises(TranslationError) as error:
        translate(opened(service, kind), TEXTS[:1])
    assert KEY not in str(error.value)
    assert error.value.__suppress_context__


@given(st.integers(0, 400), st.integers(200, 500), st.booleans())
@settings(max_examples=40)
def test_not_even_a_part_of_a_key_is_left_where_words_are_cut_off(
    before: int, status: int, escaped: bool
) -> None:
    key = "".join(f"\\u{ord(letter):04x}" for letter in KEY) if escaped else KEY
    words = f"{'x' * before}{key}"
    with Service(
        always=sends(status, f'{{"error": {{"message": "{words}"}}}}'.encode())
    ) as service:
        with pytest.raises(TranslationError) as error:
            translate(opened(service, "libretranslate"), TEXTS[:1])
        assert KEY[:12] not in str(error.value)


def test_what_a_proxy_is_told_is_told_to_nobody_else(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = service.url.replace("//", "//me:Zx9Canary7Qw@")
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(TranslationError, match="407") as error:
        translate(load_translator("openai:tiny@https://example.org/v1"), TEXTS[:1])
    assert "Zx9Canary7Qw" not in str(error.value)
    asked = service.requests[0]
    assert (asked.method, asked.path) == ("CONNECT", "example.org:443")
    assert asked.headers["proxy-authorization"].startswith("Basic ")
    assert "authorization" not in asked.headers


def test_texts_that_are_too_long_for_a_request_go_in_parts(service: Service) -> None:
    translator: Any = opened(service, "openai")
    text = "It is good, and it works. " * 400
    lane = Lane(translator, Memory(), "en", "de", 4096, 0)
    [made] = translate_texts([text], lane, Tally(), _NoTask())
    assert made.text == text.upper()
    assert all(len(part) < 4096 for asked in service.requests for part in asked.texts)


class _NoTask:
    def advance(self, amount: float = 1) -> None: ...

    def describe(self, text: str) -> None: ...


def test_a_service_is_asked_from_one_process_even_on_a_cluster(service: Service) -> None:
    pool: Any = None
    translator = load_on_ray(pool, service.chat)
    assert translate(translator, TEXTS[:2]) == UPPER[:2]


def test_a_service_that_is_not_there_is_told_of_at_once(waits: list[float]) -> None:
    with Service() as gone:
        url = gone.url
    with pytest.raises(TranslationError, match="cannot be reached"):
        translate(load_translator(f"openai:tiny@{url}/v1"), TEXTS[:1])
    assert waits == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_only_a_certificate_that_is_trusted_is_talked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext"
    names = ["subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*make.split(), *names], check=True, capture_output=True)
    with Service() as service:
        url = service.url.replace("http://127.0.0.1", "https://localhost")
        translator = load_translator(f"openai:tiny@{url}/v1")
        with pytest.raises(TranslationError, match="cannot be reached"):  # it speaks http
            translate(translator, TEXTS[:1])
        service.secure(certificate, key)
        with pytest.raises(TranslationError, match="a certificate that is not trusted"):
            translate(translator, TEXTS[:1])
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert translate(translator, TEXTS[:2]) == UPPER[:2]
    assert len(service.requests) == 1
    assert waits == []


def test_a_service_that_goes_away_in_the_midst_is_waited_for(
    service: Service, waits: list[float]
) -> None:
    translator = opened(service, "openai")
    assert translate(translator, TEXTS[:1]) == UPPER[:1]
    service.__exit__()
    with pytest.raises(TranslationError, match=f"{TRIES} times in a row"):
        translate(translator, TEXTS[:1])
    assert len(waits) == TRIES - 1
    service.__enter__()


def test_what_is_no_longer_waited_for_is_not_asked_again(service: Service) -> None:
    service.free.clear()
    made = opened(service, "openai", requests=2).translate(TEXTS, "en", "de")
    puller = threading.Thread(target=lambda: next(made, None), daemon=True)
    puller.start()
    service.free.set()
    puller.join()
    made.close()  # type: ignore[attr-defined]
    before = len(service.requests)
    assert before < 5


@settings(max_examples=30)
@given(
    st.lists(st.text(min_size=1), max_size=12),
    st.integers(1, 5),
)
def test_results_come_in_order_whatever_the_number_under_way(items: list[str], ahead: int) -> None:
    most, under_way, lock = 0, 0, threading.Lock()

    def taken() -> Iterator[str]:
        nonlocal under_way, most
        for item in items:
            with lock:
                under_way += 1
                most = max(most, under_way)
            yield item

    made = []
    for result in in_order(lambda item, stopped: item * 2, taken(), ahead):
        made.append(result)
        with lock:
            under_way -= 1
    assert made == [item * 2 for item in items]
    assert most <= ahead + 1


FAULTS = st.sampled_from(
    [None, PASSING["429"], PASSING["500"], resets, cut, PASSING["no JSON"],
     sends(200, {"translatedText": ["A"]}), sends(200, {"translatedText": []})]
)  # fmt: skip


@settings(max_examples=25)
@given(st.lists(FAULTS, max_size=6), st.integers(1, 40), st.integers(1, 4))
def test_as_many_come_back_as_were_sent_or_it_is_an_error(
    faults: list[Fault | None], count: int, requests: int
) -> None:
    with Service(faults=deque(faults)) as service:
        translator = opened(service, "libretranslate", requests=requests)
        texts = [f"text {number}" for number in range(count)]
        try:
            made = translate(translator, texts)
        except BabeliftError:
            return
        expected = [text.upper() for text in texts]
        # One answer for one text is right in form, whatever it says.
        assert [a for a, b in zip(made, expected, strict=True) if a != b] in ([], ["A"], ["A"] * 2)
