"""Run ``python -m experiments.vae_mnist``."""

import sys

from experiments.vae_mnist import main

sys.exit(main())
