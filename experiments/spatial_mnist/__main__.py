"""Run ``python -m experiments.spatial_mnist``."""

import sys

from experiments.spatial_mnist import main

sys.exit(main())
