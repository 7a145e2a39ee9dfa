from .axes import DATASET, DEVICE, SAMPLE
from .data.sets import PaddedSets, validate_sets
from .data.synthetic import SyntheticSets, synthetic_sets
from .distributions import (
    Divergence,
    bernoulli,
    categorical,
    diagonal_gaussian,
    full_gaussian,
    kl,
    standard_gaussian,
    triangular_gaussian,
)
from .divergences import (
    categorical_kl,
    diagonal_gaussian_kl,
    gaussian_kl,
    triangular_gaussian_kl,
)
from .errors import InputError
from .evaluation.contexts import ContextEncoder
from .evaluation.likelihood import item_log_likelihoods, set_log_likelihoods
from .generation import GeneratedSet, combine_constants, generate_set, infer_constants
from .mapping import dataset_keys, init_variables, map_model, map_objective
from .models.context_aware import ContextAwareConfig, ContextAwareLearner
from .models.neural_statistician import NeuralStatistician, NeuralStatisticianConfig
from .models.vae import VAE, VAEConfig
from .objectives.context_aware import (
    ContextAwareTerms,
    ItemTerms,
    LatentTerms,
    context_aware_elbo,
    context_aware_items,
    context_aware_items_given_contexts,
    select_contexts,
)
from .objectives.gradient_estimators import (
    DReGLogWeights,
    NestedDReGLogWeights,
    Twins,
    dreg_bound,
    nested_dreg_bound,
    neural_statistician_dreg_log_weights,
    sticking_the_landing,
    vae_dreg_log_weights,
)
from .objectives.importance import (
    ImportanceTerms,
    NestedLogWeights,
    importance_weighted,
    nested_bound,
    neural_statistician_log_weights,
    set_log_weight,
    vae_log_weight,
)
from .objectives.neural_statistician import (
    NeuralStatisticianTerms,
    StatisticianItemTerms,
    neural_statistician_elbo,
    neural_statistician_items,
)
from .objectives.protocols import (
    ContextAwareGenerative,
    ContextAwareInference,
    NeuralStatisticianGenerative,
    NeuralStatisticianInference,
    VAEGenerative,
    VAEInference,
)
from .objectives.vae import VAETerms, vae_elbo
from .objectives.weighting import Weights, halving_weights, unweighted, weighted_objective
from .sampler import Sampler
from .statistician_generation import generate_items
from .stopped import WithStopped

__all__ = [
    "DATASET",
    "DEVICE",
    "SAMPLE",
    "VAE",
    "ContextAwareConfig",
    "ContextAwareGenerative",
    "ContextAwareInference",
    "ContextAwareLearner",
    "ContextAwareTerms",
    "ContextEncoder",
    "DReGLogWeights",
    "Divergence",
    "GeneratedSet",
    "ImportanceTerms",
    "InputError",
    "ItemTerms",
    "LatentTerms",
    "NestedDReGLogWeights",
    "NestedLogWeights",
    "NeuralStatistician",
    "NeuralStatisticianConfig",
    "NeuralStatisticianGenerative",
    "NeuralStatisticianInference",
    "NeuralStatisticianTerms",
    "PaddedSets",
    "Sampler",
    "StatisticianItemTerms",
    "SyntheticSets",
    "Twins",
    "VAEConfig",
    "VAEGenerative",
    "VAEInference",
    "VAETerms",
    "Weights",
    "WithStopped",
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
    "dreg_bound",
    "full_gaussian",
    "gaussian_kl",
    "generate_items",
    "generate_set",
    "halving_weights",
    "importance_weighted",
    "infer_constants",
    "init_variables",
    "item_log_likelihoods",
    "kl",
    "map_model",
    "map_objective",
    "nested_bound",
    "nested_dreg_bound",
    "neural_statistician_dreg_log_weights",
    "neural_statistician_elbo",
    "neural_statistician_items",
    "neural_statistician_log_weights",
    "select_contexts",
    "set_log_likelihoods",
    "set_log_weight",
    "standard_gaussian",
    "sticking_the_landing",
    "synthetic_sets",
    "triangular_gaussian",
    "triangular_gaussian_kl",
    "unweighted",
    "vae_dreg_log_weights",
    "vae_elbo",
    "vae_log_weight",
    "validate_sets",
    "weighted_objective",
]
