"""Run ``python -m experiments.unsupervised``."""

import sys

from experiments.unsupervised import main

sys.exit(main())
