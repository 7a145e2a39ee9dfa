"""Flax layers and subnetworks; they know nothing of the objectives."""
