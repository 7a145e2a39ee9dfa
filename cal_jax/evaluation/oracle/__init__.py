"""Classifiers of true factors that score generated images."""
