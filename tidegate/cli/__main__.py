"""`python -m tidegate.cli`: the command where nothing is installed."""

import sys

from tidegate.cli import main

sys.exit(main())
