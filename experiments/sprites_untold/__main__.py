"""Run ``python -m experiments.sprites_untold``."""

import sys

from experiments.sprites_untold import main

sys.exit(main())
