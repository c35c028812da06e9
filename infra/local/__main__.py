"""`python -m infra.local`, which `make run` calls."""

import os
import sys

from growfolio.errors import ConfigurationError

from infra.local.settings_file import apply


def main() -> int:
    """The exit code: 0, after Ctrl+C too; 1 where no asset got a signal; 2 for a wrong input.

    130 where Ctrl+C ended a single refresh.
    """
    try:
        apply(os.environ)
    except ConfigurationError as error:
        print(f"growfolio: {error}", file=sys.stderr)
        return 2
    try:
        # The list of assets is read on import, and may be wrong; Ctrl+C may come meanwhile.
        from growfolio.errors import GrowfolioError

        try:
            from infra.local.product import main as start

            return start()
        except GrowfolioError as error:
            print(f"growfolio: {error}", file=sys.stderr)
            return 2
    except KeyboardInterrupt:
        return 130 if os.environ.get("ONCE") else 0


if __name__ == "__main__":
    sys.exit(main())
