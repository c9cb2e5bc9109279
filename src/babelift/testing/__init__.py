"""What tests need and users' tests may use: small models and an imitation of the model hub."""

from babelift.testing.hub import HubServer, Request
from babelift.testing.models import tiny_distilbert, tiny_m2m100, tiny_marian, tiny_mini, tiny_nllb
from babelift.testing.text import SENTENCES

__all__ = [
    "SENTENCES",
    "HubServer",
    "Request",
    "tiny_distilbert",
    "tiny_m2m100",
    "tiny_marian",
    "tiny_mini",
    "tiny_nllb",
]
