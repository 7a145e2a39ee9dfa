"""Run ``python -m experiments.spoken_digits``."""

import sys

from experiments.spoken_digits import main

sys.exit(main())
