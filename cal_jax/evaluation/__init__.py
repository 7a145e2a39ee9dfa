"""Evaluation of trained models: likelihoods, contexts and oracle scores."""
