"""What tests and benchmarks need: small models with random weights, and an imitation of the hub."""

from tests.support.hub import HubServer, Request
from tests.support.models import (
    tiny_classifier,
    tiny_distilbert,
    tiny_hunyuan,
    tiny_m2m100,
    tiny_madlad,
    tiny_marian,
    tiny_mini,
    tiny_nllb,
)
from tests.support.text import SENTENCES

__all__ = [
    "SENTENCES",
    "HubServer",
    "Request",
    "tiny_classifier",
    "tiny_distilbert",
    "tiny_hunyuan",
    "tiny_m2m100",
    "tiny_madlad",
    "tiny_marian",
    "tiny_mini",
    "tiny_nllb",
]
