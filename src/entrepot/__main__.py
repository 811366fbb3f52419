"""`python -m entrepot` is the program `entrepot`."""

import sys

from entrepot.cli.main import main

sys.exit(main())
