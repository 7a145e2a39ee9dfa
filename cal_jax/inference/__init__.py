"""Uses of a trained model: sampling, posteriors, evidence, weights."""
