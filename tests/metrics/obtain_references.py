"""Values of other implementations, printed as ``reference_values.json``; no test runs this.

    python -m tests.metrics.obtain_references DISENTANGLEMENT_LIB LATENT_QUANTIZATION IVAE

takes checkouts of google-research/disentanglement_lib, kylehkhsu/latent_quantization and
ilkhem/iVAE, and needs NumPy, SciPy, scikit-learn, six and absl-py. What is changed to run
them without TensorFlow and PyTorch, and with today's scikit-learn, is in ``CHANGES``.
"""

import functools
import importlib.util
import json
import subprocess
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import scipy
import sklearn
from sklearn import ensemble, linear_model

from tests.metrics import reference_cases as cases

CHANGES = [
    "gin is a stub whose decorators return functions as they are; the discretizer is given 20 "
    "bins and _histogram_discretize",
    "torch is an empty module: only the NumPy function is called",
    "GradientBoostingClassifier and mutual_info_classif get random_state 0 (the reference: None)",
    "mutual_info_classif gives infomec.py a number instead of an array of one, which NumPy 2.4 "
    "no longer stores as a number",
    "LogisticRegression of infomec.py gets no multi_class and n_jobs, which scikit-learn 1.8 "
    "removed or deprecates; multinomial is what it does for three values or more",
    "data are given: sample_factors returns the next array of reference_cases, randint the "
    "next fixed factor",
]
TRAIN, TEST, ITEMS = 240, 160, 300


def stub(name, **members):
    """An importable module of these members."""
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__dict__.update(members)


def gin():
    def configurable(*_, **__):
        return lambda function: function

    members = {"configurable": configurable, "REQUIRED": None}
    stub("gin.tf", **members)
    stub("gin", tf=sys.modules["gin.tf"], **members)


class Given(np.random.RandomState):
    """Data and random numbers of the reference's protocols, from arrays."""

    num_factors = 3

    def __init__(self, fixed, factors, table=None):
        super().__init__(0)
        self.fixed, self.factors, self.table = iter(fixed), iter(factors), table

    def randint(self, *_):
        return next(self.fixed)

    def sample_factors(self, *_):
        return next(self.factors).copy()

    def sample_observations_from_factors(self, factors, _):
        return factors

    def sample_observations(self, *_):
        return self.table


def protocol(seed, points, size, pairs):
    fixed, drawn = cases.drawn_factors(seed, points, size)
    return fixed, drawn.swapaxes(0, 1).reshape(-1, size, 3) if pairs else drawn[0]


def joined(train, test, table=None):
    return Given(*(np.concatenate(parts) for parts in zip(train, test, strict=True)), table)


def disentanglement_lib(checkout):
    def module(name):
        return importlib.import_module(f"disentanglement_lib.evaluation.metrics.{name}")

    sys.path.insert(0, checkout)
    utils, dci, mig, sap = map(module, ["utils", "dci", "mig", "sap_score"])
    modular, beta, factor = map(module, ["modularity_explicitness", "beta_vae", "factor_vae"])
    utils.make_discretizer = functools.partial(
        utils.make_discretizer, num_bins=20, discretizer_fn=utils._histogram_discretize
    )
    dci.ensemble.GradientBoostingClassifier = functools.partial(
        ensemble.GradientBoostingClassifier, random_state=0
    )
    (x, y), (x_test, y_test) = cases.noisy_codes(0, TRAIN), cases.noisy_codes(1, TEST)
    split = (x.T, y.T, x_test.T, y_test.T)
    batches = iter([(y, x), (y_test, x_test)])
    given = types.SimpleNamespace(sample=lambda *_: next(batches))
    explicit = modular.compute_modularity_explicitness(
        given, lambda codes: codes, None, num_train=TRAIN, num_test=TEST, batch_size=TRAIN
    )
    pairs = [protocol(seed, points, 4, True) for seed, points in ((2, 200), (3, 150))]
    groups = [protocol(seed, points, 4, False) for seed, points in ((4, 200), (5, 150))]
    table = np.stack(np.meshgrid(*map(np.arange, cases.SIZES)), -1).reshape(-1, 3)

    def factor_vae(threshold):
        factor._prune_dims = functools.partial(prune, threshold=threshold)
        data = joined(*groups, table)
        return factor.compute_factor_vae(
            data, cases.encoded, data, None, 4, 200, 150, num_variance_estimate=len(table)
        )["eval_accuracy"]

    prune = factor._prune_dims
    data = joined(*pairs)
    importance = np.random.default_rng(6).exponential(size=(5, 3))
    return {
        "mig": mig._compute_mig(x.T, y.T)["discrete_mig"],
        "modularity": explicit["modularity_score"],
        "explicitness": explicit["explicitness_score_test"],
        "sap": sap._compute_sap(*split, False)["SAP_score"],
        "sap_continuous": sap._compute_sap(*split, True)["SAP_score"],
        "dci": dci._compute_dci(*split),
        "dci_of_importance": [dci.disentanglement(importance), dci.completeness(importance)],
        "beta_vae": beta.compute_beta_vae_sklearn(data, cases.encoded, data, None, 4, 200, 150)[
            "eval_accuracy"
        ],
        "factor_vae": factor_vae(0.0),
        "factor_vae_pruned": factor_vae(0.7),
    }


def module_at(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def latent_quantization(checkout):
    infomec = module_at(Path(checkout) / "disentangle/metrics/infomec.py")
    if tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 8):
        original = linear_model.LogisticRegression
        infomec.linear_model = types.SimpleNamespace(
            LogisticRegression=lambda multi_class, n_jobs, **options: original(**options)
        )
    found = infomec.feature_selection.mutual_info_classif
    infomec.feature_selection = types.SimpleNamespace(
        mutual_info_classif=lambda *rows, **options: found(*rows, random_state=0, **options).item()
    )
    values = {}
    for name, make, discrete in (
        ("continuous", cases.noisy_codes, False),
        ("discrete", cases.quantised_codes, True),
    ):
        codes, factors = make(0, ITEMS)
        scores = infomec.compute_infomec(factors, codes.astype(float), discrete)
        values[name] = {key: scores[key] for key in ("infom", "infoc", "infoe")}
        values[name]["nmi"] = scores["nmi"].T.tolist()
    return {"infomec": values}


def ivae(checkout):
    stub("torch")
    mcc = module_at(Path(checkout) / "metrics/mcc.py")
    del sys.modules["torch"]  # SciPy would ask it for tensors
    codes, factors = cases.noisy_codes(0, ITEMS)
    return {
        method: mcc.mean_corr_coef_np(codes[:, [3, 2, 0]], factors.astype(float), method)
        for method in ("pearson", "spearman")
    }


def main(checkouts):
    warnings.simplefilter("ignore")
    gin()
    names = ["google-research/disentanglement_lib", "kylehkhsu/latent_quantization", "ilkhem/iVAE"]
    commits = {
        name: subprocess.check_output(["git", "-C", path, "rev-parse", "HEAD"], text=True).strip()
        for name, path in zip(names, checkouts, strict=True)
    }
    versions = {m.__name__: m.__version__ for m in (np, scipy, sklearn)}
    how = {"commits": commits, "versions": versions, "changes": CHANGES}
    values = {
        **disentanglement_lib(checkouts[0]),
        **latent_quantization(checkouts[1]),
        "mcc": ivae(checkouts[2]),
    }
    print(json.dumps({"how": how, "values": values}, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
