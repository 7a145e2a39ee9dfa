"""Run ``python -m experiments.typefaces``."""

import sys

from experiments.typefaces import main

sys.exit(main())
