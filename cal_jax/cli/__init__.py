"""The program ``cal-jax`` and what every program shares: flags, progress, processes."""
