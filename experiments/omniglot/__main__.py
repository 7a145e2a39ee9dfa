"""Run ``python -m experiments.omniglot``."""

import sys

from experiments.omniglot import main

sys.exit(main())
