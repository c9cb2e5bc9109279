"""The lowest versions that `make test-lowest` installs."""

import tomllib

from scripts.lowest import PYPROJECT, lowest, users_requirements


def test_every_requirement_of_users_has_a_lower_bound() -> None:
    requirements = users_requirements()
    assert len(lowest(requirements)) == len(requirements)


def test_every_extra_is_tried_and_tools_for_developing_are_not() -> None:
    extras = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    names = {bound.split("==")[0] for bound in lowest(users_requirements())}
    assert {"torch", "ray", "datasets", "statsmodels"} <= names
    assert "pytest" not in names
    assert set(extras["optional-dependencies"]) >= {"hub", "ray", "study", "dev"}
