"""Run ``python -m experiments.vowels``."""

import sys

from experiments.vowels import main

sys.exit(main())
