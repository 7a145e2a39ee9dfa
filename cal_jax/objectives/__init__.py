"""Pure objectives: one data set, one Monte Carlo sample, nats; the caller maps them."""
