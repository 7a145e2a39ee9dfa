"""Context-aware learning in JAX."""
