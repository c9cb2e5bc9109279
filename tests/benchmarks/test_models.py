import numpy as np
import pytest

from _data import reviews, sentences
from _models import Translating, m2m100


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    return m2m100(folder, sentences("en").texts, Translating(256, 1, 3000))


def test_outputs_are_about_as_long_as_their_sources(model, monkeypatch, tmp_path):
    from babelift.config import Translating as Settings
    from babelift.translation.engines.ctranslate2 import load_published

    monkeypatch.setenv("BABELIFT_CACHE", str(tmp_path))
    translator = load_published(model, Settings(compute_type="float32"), name="bench")
    texts = reviews(30)
    source = translator.count_tokens(texts, "en", "de")
    outputs = translator.generate(texts, "en", "de")
    length = [len(output.tokens) for output in outputs]
    assert sum(output.truncated for output in outputs) <= 3
    assert 0.5 < sum(length) / sum(source) < 2
    assert np.corrcoef(source, length)[0, 1] > 0.6
