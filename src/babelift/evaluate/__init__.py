"""Predicting and measuring, per language.

Python binds a package's name in its parent as soon as any module of it is imported, so
`babelift.evaluate` is this package, also where the public function of that name is meant. Calling
the package therefore calls the function.
"""

import sys
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        from babelift.evaluate.evaluate import evaluate

        return evaluate(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage
