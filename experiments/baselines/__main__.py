"""Run ``python -m experiments.baselines``."""

import sys

from experiments.baselines import main

sys.exit(main())
