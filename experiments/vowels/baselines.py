"""Ways to name the vowels of one unheard speaker without a learner.

Each is a pure function ``(train, x) -> int [N]``: labelled items of training speakers, and the
items [N, D] of one other speaker without labels.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp, softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import KNeighborsClassifier

from experiments.vowels.speakers import Labelled, Moments, cell_means, moments_of

TEMPERATURE = 10.0
"""Nats by which the weights of local optima differ by a factor e: the likelihood takes frames
of one utterance for independent, and its optima for more certain than they are."""

CONTENT = 2
"""Dimensions of the bilinear model's content; of 2 to 8 the best on held-back training speakers."""

STEPS = 40
"""Of every expectation maximisation."""


Classify = Callable[[Labelled, np.ndarray], np.ndarray]


def nearest(train: Labelled, x: np.ndarray) -> np.ndarray:
    """The vowel of the nearest training item."""
    neighbours = KNeighborsClassifier(n_neighbors=1).fit(train.x, train.vowel)
    return np.asarray(neighbours.predict(x))


def discriminant(train: Labelled, x: np.ndarray) -> np.ndarray:
    """Linear discriminant analysis."""
    return np.asarray(LinearDiscriminantAnalysis().fit(train.x, train.vowel).predict(x))


def normalised_discriminant(train: Labelled, x: np.ndarray) -> np.ndarray:
    """Linear discriminant analysis of items that are standardised speaker by speaker."""
    scaled = np.empty_like(train.x)
    for speaker in np.unique(train.speaker):
        rows = train.speaker == speaker
        scaled[rows] = _standardised(train.x[rows])
    return discriminant(train._replace(x=scaled), _standardised(x))


def bilinear(train: Labelled, x: np.ndarray) -> np.ndarray:
    """The separable mixture of style and content (Tenenbaum & Freeman 2000, section 5).

    x ~ sum_v N(A b_v, s^2 I) / V: the contents b_v [J] and a matrix A [D, J] of each training
    speaker are fitted by a singular value decomposition; the matrix of the unheard speaker, by
    expectation maximisation from the training speakers' mean.
    """
    means = cell_means(*train)
    speakers, vowels, dim = means.shape
    stacked = means.swapaxes(1, 2).reshape(speakers * dim, vowels)
    left, scale, right = np.linalg.svd(stacked, full_matrices=False)
    styles = (left * scale)[:, :CONTENT].reshape(speakers, dim, CONTENT)
    contents = right[:CONTENT].T
    predicted = np.einsum("sdj,vj->svd", styles, contents)
    rows = np.unique(train.speaker, return_inverse=True)[1]
    variance = np.mean((train.x - predicted[rows, train.vowel]) ** 2)
    style = styles.mean(axis=0)
    for _ in range(STEPS):
        squares = ((x[:, None] - (contents @ style.T)[None]) ** 2).sum(axis=-1)
        shares = softmax(-squares / (2 * variance), axis=1)
        gram = np.einsum("nv,vi,vj->ij", shares, contents, contents)
        style = np.einsum("nd,nv,vj->dj", x, shares, contents) @ np.linalg.pinv(gram)
    return shares.argmax(axis=1)


def gaussian_speaker(train: Labelled, x: np.ndarray) -> np.ndarray:
    """Variational expectation maximisation in the Gaussian model that draws the learner's speakers.

    Starts from every training speaker, as they are, at the unheard speaker's mean and half-way;
    responsibilities are averaged over the optima, weighted by their bounds.
    """
    moments = moments_of(*train)
    means = cell_means(*train)
    noise = np.linalg.inv(moments.noise)
    offsets = (x.mean(axis=0) - means.mean(axis=1))[:, None]
    starts = np.concatenate([means, means + offsets, means + offsets / 2, moments.mean[None]])
    found = [
        _maximised(moments, softmax(-_squares(x, start, noise) / 2, axis=1), x) for start in starts
    ]
    bounds = np.stack([bound for bound, _ in found])
    weights = softmax(bounds / TEMPERATURE)
    return np.tensordot(weights, np.stack([shares for _, shares in found]), 1).argmax(axis=1)


BASELINES: dict[str, Classify] = {
    "nearest": nearest,
    "lda": discriminant,
    "normalised_lda": normalised_discriminant,
    "bilinear": bilinear,
    "gaussian": gaussian_speaker,
}
"""By the names of their scores."""


def _maximised(moments: Moments, shares: np.ndarray, x: np.ndarray) -> tuple[float, np.ndarray]:
    """The bound on log p(x) in nats, and the responsibilities [N, V], from a start of these."""
    vowels, dim = moments.mean.shape
    prior = moments.covariance + 1e-6 * np.trace(moments.noise) * np.eye(vowels * dim)
    precision, noise = np.linalg.inv(prior), np.linalg.inv(moments.noise)
    constant = np.linalg.slogdet(2 * np.pi * moments.noise)[1]
    centre = moments.mean.ravel()
    for _ in range(STEPS):
        posterior = precision + np.kron(np.diag(shares.sum(axis=0)), noise)
        covariance = np.linalg.inv(posterior)
        pulled = precision @ centre + (shares.T @ x @ noise).ravel()
        mean = covariance @ pulled
        blocks = covariance.reshape(vowels, dim, vowels, dim)
        spread = np.einsum("vivj,ij->v", blocks, noise)
        squares = _squares(x, mean.reshape(vowels, dim), noise)
        joint = -0.5 * (squares + spread + constant) - np.log(vowels)
        shares = softmax(joint, axis=1)
    apart = mean - centre
    divergence = 0.5 * (
        np.trace(precision @ covariance)
        + apart @ precision @ apart
        - len(centre)
        + np.linalg.slogdet(prior)[1]
        + np.linalg.slogdet(posterior)[1]
    )
    return float(logsumexp(joint, axis=1).sum() - divergence), shares


def _squares(x: np.ndarray, means: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Squared Mahalanobis distances of items [N, D] to means [V, D], [N, V]."""
    apart = x[:, None] - means[None]
    return np.einsum("nvi,ij,nvj->nv", apart, precision, apart)


def _standardised(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(axis=0)) / x.std(axis=0)
