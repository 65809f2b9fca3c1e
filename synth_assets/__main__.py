"""`python -m synth_assets` is the command synth-assets."""

import sys

from synth_assets.cli import main

sys.exit(main())
