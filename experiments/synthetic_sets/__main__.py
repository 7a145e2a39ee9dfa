"""Run ``python -m experiments.synthetic_sets``."""

import sys

from experiments.synthetic_sets import main

sys.exit(main())
