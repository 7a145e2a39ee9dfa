from .axes import DATASET, DEVICE, SAMPLE
from .distributions import (
    Divergence,
    bernoulli,
    categorical,
    diagonal_gaussian,
    full_gaussian,
    kl,
    standard_gaussian,
)
from .divergences import categorical_kl, diagonal_gaussian_kl, gaussian_kl
from .errors import InputError
from .generation import GeneratedSet, combine_constants, generate_set, infer_constants
from .mapping import dataset_keys, init_variables, map_model, map_objective
from .models.context_aware import ContextAwareConfig, ContextAwareLearner
from .objectives.context_aware import (
    ContextAwareTerms,
    ItemTerms,
    LatentTerms,
    context_aware_elbo,
    context_aware_items,
    context_aware_items_given_contexts,
    select_contexts,
)
from .objectives.protocols import ContextAwareGenerative, ContextAwareInference
from .objectives.weighting import Weights, halving_weights, weighted_objective
from .sampler import Sampler

__all__ = [
    "DATASET",
    "DEVICE",
    "SAMPLE",
    "ContextAwareConfig",
    "ContextAwareGenerative",
    "ContextAwareInference",
    "ContextAwareLearner",
    "ContextAwareTerms",
    "Divergence",
    "GeneratedSet",
    "InputError",
    "ItemTerms",
    "LatentTerms",
    "Sampler",
    "Weights",
    "bernoulli",
    "categorical",
    "categorical_kl",
    "combine_constants",
    "context_aware_elbo",
    "context_aware_items",
    "context_aware_items_given_contexts",
    "dataset_keys",
    "diagonal_gaussian",
    "diagonal_gaussian_kl",
    "full_gaussian",
    "gaussian_kl",
    "generate_set",
    "halving_weights",
    "infer_constants",
    "init_variables",
    "kl",
    "map_model",
    "map_objective",
    "select_contexts",
    "standard_gaussian",
    "weighted_objective",
]
