"""A small classifier for the tests of this folder."""

from pathlib import Path

import pytest

from tests.support import tiny_classifier

LABELS = ["negative", "neutral", "positive"]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved classifier with three labels."""
    return tiny_classifier(tmp_path_factory.mktemp("classifier"), LABELS)
