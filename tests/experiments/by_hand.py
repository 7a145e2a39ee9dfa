"""The losses of the experiments, written out from the terms of each data set, in NumPy.

Shape letters: B sets, N items, K contexts, M labels. Terms are [B, ...] in nats.
"""

import numpy as np


def bound(terms, weights, reconstruction=1.0):
    """The weighted bound of each set [B]: R less each KL by its weight, by the KL's name.

    Each KL must matter: of one that is nothing no weight would be seen. That of the label is
    below log M in any case.
    """
    total = reconstruction * terms["reconstruction"]
    for name, weight in weights.items():
        nats = terms[name]
        least = 0.0 if name == "kl_label" else 5e-4 * np.abs(terms["reconstruction"]).sum()
        assert np.abs(nats).sum() > least, name
        total = total - weight * (nats if nats.ndim == total.ndim else nats.sum(axis=-1))
    return total


def halved(start, end, step, half_life):
    """What falls from ``start`` to ``end``, half of the way in each half-life."""
    return end + (start - end) * 0.5 ** (step / half_life)


def disagreement(posterior_means, shares):
    """Contrast and dependence of every context, [B, K] each.

    Args:
      posterior_means: [B, N, K, C].
      shares: [B, K], how surely each context is constant.
    """
    both = [
        (
            contrast(posterior_means[:, :, k], shares[:, k]),
            dependence(posterior_means[:, :, k], 1 - shares[:, k]),
        )
        for k in range(posterior_means.shape[2])
    ]
    return tuple(np.stack(one, axis=1) for one in zip(*both, strict=True))


def contrast(posterior_means, shares):
    """Of one context [B, N, C]: the cross-entropy of each item's own set, [B]."""
    num_sets, num_items, _ = posterior_means.shape
    costs = np.zeros(num_sets)
    for b in range(num_sets):
        for n in range(num_items):
            others = np.delete(posterior_means[b], n, axis=0).mean(axis=0)
            own = np.exp(-0.5 * ((posterior_means[b, n] - others) ** 2).sum())
            rivals = sum(
                shares[c]
                * np.exp(
                    -0.5 * ((posterior_means[b, n] - posterior_means[c].mean(axis=0)) ** 2).sum()
                )
                for c in range(num_sets)
                if c != b
            )
            costs[b] -= np.log(own / (own + rivals))
    return costs


def dependence(posterior_means, varies):
    """Of one context [B, N, C]: N times the discrepancy within a set and across sets, [B]."""
    num_sets, num_items, _ = posterior_means.shape

    def kernel(b, n, c, m):
        apart = ((posterior_means[b, n] - posterior_means[c, m]) ** 2).sum()
        return np.mean([np.exp(-apart / (2 * width)) for width in (1, 4, 16)])

    items, total, weight = range(num_items), 0.0, 0.0
    for b in range(num_sets):
        for c in range(num_sets):
            if b != c:
                pair = varies[b] * varies[c]
                total += pair * np.mean([kernel(b, n, c, m) for n in items for m in items])
                weight += pair
    within = [
        np.mean([kernel(b, n, b, m) for n in items for m in items if n != m])
        for b in range(num_sets)
    ]
    return num_items * (np.array(within) - total / max(weight, 1.0))


def softmax(logits):
    """Over the last axis."""
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def balanced(scores):
    """Shares [B, M] of labels that are used equally often, by Sinkhorn's iterations."""
    potential = np.full(scores.shape[1], 1 / scores.shape[1])
    for _ in range(30):
        shares = softmax(scores + np.log(potential))
        potential = potential / shares.mean(axis=0)
        potential = potential / potential.sum()
    return softmax(scores + np.log(potential))


def every_label(found, weights, support, temperature, contrast_weight):
    """The criterion of each set [B] where every label is visited, of a first batch.

    Args:
      found: terms [B, M, ...], ``logits`` [B, M] and ``posterior_means`` [B, N, K, C].
      weights: of the KLs.
      support: [M, K].
      temperature: of the labels' scores.
      contrast_weight: of what the sets of a batch say against a label.
    """
    logits, posterior_means = found["logits"], found["posterior_means"]
    per_label = bound(found, weights)
    own, across = disagreement(posterior_means, softmax(logits) @ support)
    against = own @ support.T + across @ (1 - support.T)
    shares = balanced((per_label - against) / temperature)
    kl_label = (shares * (np.log(shares) + np.log(len(support)))).sum(axis=1)
    network = -(shares * np.log(softmax(logits))).sum(axis=1)
    said = (shares * against).sum(axis=1)
    assert (np.abs(said) > 1e-3).all()
    return (shares * per_label).sum(axis=1) - kl_label - network - contrast_weight * said


def by_contrast(found, weights, support, contrast_weight):
    """The criterion of each set [B] where the contrast scores every label, of a first batch.

    Args:
      found, weights, support: as in ``every_label``.
      contrast_weight: of the disagreement; a label's responsibility is its softmax, at 1 nat.
    """
    logits, posterior_means = found["logits"], found["posterior_means"]
    constant = softmax(logits) @ support
    as_if_even = constant * support.mean(axis=0) / constant.mean(axis=0)
    own, _ = disagreement(posterior_means, as_if_even)
    _, across = disagreement(posterior_means, constant)
    against = own @ support.T + across @ (1 - support.T)
    shares = softmax(-against)
    prior = (shares.mean(axis=0) + 1 / len(support)) / 2
    kl_label = (shares * (np.log(shares) - np.log(prior))).sum(axis=1)
    network = -(shares * np.log(softmax(logits))).sum(axis=1)
    said = (shares * against).sum(axis=1)
    assert (np.abs(said) > 1e-3).all()
    per_label = bound(found, weights)
    return (shares * per_label).sum(axis=1) - kl_label - network - contrast_weight * said
