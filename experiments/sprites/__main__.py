"""Run ``python -m experiments.sprites``."""

import sys

from experiments.sprites import main

sys.exit(main())
