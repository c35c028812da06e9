"""`python -m infra.local.product`, which `make run` calls."""

import sys

from infra.local.product import main

sys.exit(main())
