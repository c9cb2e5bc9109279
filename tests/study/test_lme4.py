"""The mixed model against R's lme4 1.1 and lmerTest, on 24 simulated tables.

The tables lie beside the data (`checks/lme4`): the paper's 6 languages, 6 sources and 3 seeds,
balanced and with scores missing, one source, few seeds, singular fits, tiny and huge variances.
"""

from pathlib import Path

import polars as pl
import pytest

from babelift.study.regression import regress

TABLES = Path(__file__).parents[3] / "shared" / "checks" / "lme4"

# Table, coefficient, standard error, Satterthwaite's degrees of freedom, Kenward-Roger's p,
# coefficient and p of lm(f1 ~ otc), and whether lme4 calls the fit singular.
LME4 = [
    ("00", 0.0364475853, 0.00672921, 202, 1.719e-07, 0.0364475853, 0.012923, False),
    ("01", 0.00313258879, 0.00669312, 204, 0.6403, 0.00313258879, 0.80665, True),
    ("02", 0.0270066886, 0.00838448, 151.2, 0.001569, 0.0262172104, 0.0459179, False),
    ("03", 0.030903065, 0.0107574, 91.83, 0.005181, 0.0552508969, 0.000982943, False),
    ("04", 0.0155185566, 0.00277639, 40, 1.783e-06, 0.0155185566, 0.163265, False),
    ("05", 0.00979192161, 0.00331933, 22.92, 0.008396, 0.0104761648, 0.177891, False),
    ("06", 0.0059852846, 0.00718539, 22, 0.4138, 0.0059852846, 0.615015, False),
    ("07", 0.0070995778, 0.00366563, 12, 0.07667, 0.0070995778, 0.138373, False),
    ("08", 0.0296975749, 0.00495687, 5, 0.003903, 0.0296975749, 0.496649, True),
    ("09", 0.00219050905, 0.0046134, 4, 0.6597, 0.00219050905, 0.686771, False),
    ("10", 0.0175429729, 0.00422593, 88, 8.202e-05, 0.0175429729, 7.62063e-05, True),
    ("11", 0.00877055138, 0.0045164, 61.34, 0.0612, 0.00873577455, 0.0585167, True),
    ("12", 0.00102274554, 1.38892e-05, 202.4, 6.923e-148, 0.00102274554, 0.925911, False),
    ("13", 0.00124748565, 0.000629781, 108, 0.05015, 0.00124748565, 0.150428, False),
    ("14", 0.00941837732, 0.00274614, 49, 0.001235, 0.00941837732, 0.0044137, False),
    ("15", 0.00602152287, 0.00315532, 33.32, 0.07465, 0.00620965657, 0.072726, True),
    ("16", 0.00345047716, 0.00282216, 32.7, 0.2371, 0.0915389796, 0.248639, False),
    ("17", -0.00111934926, 0.0013557, 180, 0.4101, -0.00111934926, 0.837619, False),
    ("18", 0.0155461238, 0.00883667, 12, 0.1063, 0.0155461238, 0.432467, True),
    ("19", 0.0205798831, 0.00616064, 60, 0.001442, 0.0205798831, 0.167841, False),
    ("20", 0.0335645729, 0.00952318, 34.14, 0.001269, 0.0298044863, 0.0929867, False),
    ("21", 0.00424379895, 0.00442726, 202, 0.3389, 0.00424379895, 0.749379, False),
    ("22", 0.0184968464, 0.00651226, 202, 0.004968, 0.0184968464, 0.128435, False),
    ("23", 0.00657321437, 0.00332398, 40.14, 0.05763, 0.00888223379, 0.266, True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "coefficient", "error", "freedom", "p", "plain", "plain_p", "singular"), LME4
)
def test_the_mixed_model_is_that_of_lme4(
    table: str, coefficient: float, error: float, freedom: float, p: float, plain: float,
    plain_p: float, singular: bool,
) -> None:  # fmt: skip
    path = TABLES / f"d{table}.csv"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    found = regress(pl.read_csv(path))
    # Where a variance is zero lme4 keeps the term and we leave it out; a fit without any term left
    # has a fixed effect for each language instead.
    assert found.mixed.coefficient == pytest.approx(coefficient, rel=2e-4)
    assert found.mixed.standard_error == pytest.approx(error, rel=0.021)
    assert found.mixed.freedom == pytest.approx(freedom, rel=0.11)
    assert found.mixed.p == pytest.approx(p, rel=0.15 if not singular else 0.6)
    assert bool(found.notes and any("singular" in note for note in found.notes)) == singular
    assert found.plain.coefficient == pytest.approx(plain)
    assert found.plain.p == pytest.approx(plain_p, rel=1e-5)
