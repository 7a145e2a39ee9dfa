"""scikit-learn, loaded where a metric needs it."""

import importlib
import warnings
from typing import Any

import numpy as np

from cal_jax.errors import InputError


def scikit_learn(module: str) -> Any:
    """A module of scikit-learn, such as ``svm``.

    Raises:
        InputError: scikit-learn is missing.
    """
    try:
        return importlib.import_module(f"sklearn.{module}")
    except ImportError as error:
        raise InputError(
            "this metric needs scikit-learn; accepted: pip install 'cal-jax[experiments]'"
        ) from error


def fitted(model: Any, rows: np.ndarray, labels: np.ndarray) -> Any:
    """The model fitted within its own budget of iterations, converged or not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", scikit_learn("exceptions").ConvergenceWarning)
        return model.fit(rows, labels)
