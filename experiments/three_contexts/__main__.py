"""Run ``python -m experiments.three_contexts``."""

import sys

from experiments.three_contexts import main

sys.exit(main())
