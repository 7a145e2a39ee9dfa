"""Flax layers and subnetworks, independent of the objectives."""
