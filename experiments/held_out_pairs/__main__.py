"""Run ``python -m experiments.held_out_pairs``."""

import sys

from experiments.held_out_pairs import main

sys.exit(main())
