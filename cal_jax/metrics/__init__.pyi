from .beta_vae import beta_vae_score
from .dci import DCI, completeness, dci_scores, disentanglement
from .explicitness import explicitness_score
from .factor_vae import factor_vae_score
from .fixed_factor import FixedFactorGroups, FixedFactorPairs, draw_groups, draw_pairs
from .infomec import InfoMEC, infomec_scores
from .mcc import MatchedCorrelations, mean_correlation_coefficient
from .mig import mutual_information_gap
from .modularity import modularity_score
from .sap import sap_score, sap_score_continuous

__all__ = [
    "DCI",
    "FixedFactorGroups",
    "FixedFactorPairs",
    "InfoMEC",
    "MatchedCorrelations",
    "beta_vae_score",
    "completeness",
    "dci_scores",
    "disentanglement",
    "draw_groups",
    "draw_pairs",
    "explicitness_score",
    "factor_vae_score",
    "infomec_scores",
    "mean_correlation_coefficient",
    "modularity_score",
    "mutual_information_gap",
    "sap_score",
    "sap_score_continuous",
]
