"""Run ``python -m experiments.context_uses``."""

import sys

from experiments.context_uses import main

sys.exit(main())
