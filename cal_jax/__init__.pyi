from . import fast as fast
from .axes import DATASET, DEVICE, SAMPLE, SUPPORT
from .data.context_sets import ContextSets, accidentally_constant, draw_context_sets
from .data.factor_dataset import FactorDataset
from .data.set_samplers import SetSampler, device_sampler, render_sets, stored_sampler
from .data.sets import PaddedSets, validate_sets
from .data.synthetic import SyntheticSets, synthetic_sets
from .distributions import (
    Divergence,
    bernoulli,
    categorical,
    coupling_flow,
    diagonal_gaussian,
    full_gaussian,
    gaussian_mixture,
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
from .inference import weights
from .inference.evidence import Inferred, infer
from .inference.likelihood import (
    item_log_likelihoods,
    label_log_likelihoods,
    set_log_likelihoods,
)
from .inference.mapping import (
    PureModel,
    dataset_keys,
    init_variables,
    map_model,
    map_objective,
)
from .inference.sample import GeneratedSet, combine_constants, generate_set, infer_constants
from .inference.sampler import Sampler
from .inference.statistician import generate_items
from .models.context_aware.learner import ContextAwareConfig, ContextAwareLearner
from .models.group_vae import GroupVAE, GroupVAEConfig
from .models.statistician import NeuralStatistician, NeuralStatisticianConfig
from .models.stop_gradient import StopGradientCopy
from .models.vae import VAE, VAEConfig
from .objectives.balance import (
    Balance,
    balanced_logits,
    initial_balance,
    sinkhorn_potential,
    update_balance,
)
from .objectives.context_aware import (
    ContextAwareTerms,
    ItemTerms,
    LatentTerms,
    context_aware_elbo,
    context_aware_items,
    context_aware_items_given_contexts,
    select_contexts,
)
from .objectives.context_aware_weights import context_aware_log_weights
from .objectives.gradient_estimators import (
    DReGLogWeights,
    LiveAndStopped,
    NestedDReGLogWeights,
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
from .objectives.label import hard_label_elbo, label_elbo
from .objectives.label_bounds import (
    LabelBounds,
    LabelTerms,
    average_over_labels,
    label_bounds,
    marginal_over_labels,
)
from .objectives.label_samples import (
    RelaxedChoice,
    concrete,
    exp_concrete_log_prob,
    gumbel_rao,
    straight_through_gumbel,
)
from .objectives.label_schedules import label_temperature, label_weights
from .objectives.neural_statistician import (
    NeuralStatisticianTerms,
    StatisticianItemTerms,
    neural_statistician_elbo,
    neural_statistician_items,
)
from .objectives.protocols import (
    ContextAwareGenerative,
    ContextAwareInference,
    LabelInference,
    NeuralStatisticianGenerative,
    NeuralStatisticianInference,
    VAEGenerative,
    VAEInference,
)
from .objectives.set_contrast import set_contrast, set_dependence
from .objectives.vae import VAETerms, vae_elbo
from .objectives.weighting import Weights, halving_weights, unweighted, weighted_objective
from .training.config import Objective, Trained, TrainingConfig
from .training.fit import fit
from .training.source import SetSource, set_source
from .training.step import BatchObjective, DataSet

__version__: str

__all__ = [
    "DATASET",
    "DEVICE",
    "SAMPLE",
    "SUPPORT",
    "VAE",
    "Balance",
    "BatchObjective",
    "ContextAwareConfig",
    "ContextAwareGenerative",
    "ContextAwareInference",
    "ContextAwareLearner",
    "ContextAwareTerms",
    "ContextEncoder",
    "ContextSets",
    "DReGLogWeights",
    "DataSet",
    "Divergence",
    "FactorDataset",
    "GeneratedSet",
    "GroupVAE",
    "GroupVAEConfig",
    "ImportanceTerms",
    "Inferred",
    "InputError",
    "ItemTerms",
    "LabelBounds",
    "LabelInference",
    "LabelTerms",
    "LatentTerms",
    "LiveAndStopped",
    "NestedDReGLogWeights",
    "NestedLogWeights",
    "NeuralStatistician",
    "NeuralStatisticianConfig",
    "NeuralStatisticianGenerative",
    "NeuralStatisticianInference",
    "NeuralStatisticianTerms",
    "Objective",
    "PaddedSets",
    "PureModel",
    "RelaxedChoice",
    "Sampler",
    "SetSampler",
    "SetSource",
    "StatisticianItemTerms",
    "StopGradientCopy",
    "SyntheticSets",
    "Trained",
    "TrainingConfig",
    "VAEConfig",
    "VAEGenerative",
    "VAEInference",
    "VAETerms",
    "Weights",
    "accidentally_constant",
    "average_over_labels",
    "balanced_logits",
    "bernoulli",
    "categorical",
    "categorical_kl",
    "combine_constants",
    "concrete",
    "context_aware_elbo",
    "context_aware_items",
    "context_aware_items_given_contexts",
    "context_aware_log_weights",
    "coupling_flow",
    "dataset_keys",
    "device_sampler",
    "diagonal_gaussian",
    "diagonal_gaussian_kl",
    "draw_context_sets",
    "dreg_bound",
    "exp_concrete_log_prob",
    "fit",
    "full_gaussian",
    "gaussian_kl",
    "gaussian_mixture",
    "generate_items",
    "generate_set",
    "gumbel_rao",
    "halving_weights",
    "hard_label_elbo",
    "importance_weighted",
    "infer",
    "infer_constants",
    "init_variables",
    "initial_balance",
    "item_log_likelihoods",
    "kl",
    "label_bounds",
    "label_elbo",
    "label_log_likelihoods",
    "label_temperature",
    "label_weights",
    "map_model",
    "map_objective",
    "marginal_over_labels",
    "nested_bound",
    "nested_dreg_bound",
    "neural_statistician_dreg_log_weights",
    "neural_statistician_elbo",
    "neural_statistician_items",
    "neural_statistician_log_weights",
    "render_sets",
    "select_contexts",
    "set_contrast",
    "set_dependence",
    "set_log_likelihoods",
    "set_log_weight",
    "set_source",
    "sinkhorn_potential",
    "standard_gaussian",
    "sticking_the_landing",
    "stored_sampler",
    "straight_through_gumbel",
    "synthetic_sets",
    "triangular_gaussian",
    "triangular_gaussian_kl",
    "unweighted",
    "update_balance",
    "vae_dreg_log_weights",
    "vae_elbo",
    "vae_log_weight",
    "validate_sets",
    "weighted_objective",
    "weights",
]
