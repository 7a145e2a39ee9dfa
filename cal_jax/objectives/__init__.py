"""Pure objectives of one data set and one Monte Carlo sample, in nats; callers vmap them."""
