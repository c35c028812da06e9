"""`python -m training`: history, training, evaluation and publication of models."""

import sys
from collections.abc import Sequence

NEEDED = """\
training: {missing} is not installed here: `make .venv-training/.ready` installs what training needs, then
.venv-training/bin/python -m training ... runs it"""
CONFIGURATION = 2
"""As in exit_codes.py, which needs packages that may be missing here."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code (exit_codes.py); one line says what to do where it is not 0."""
    try:
        from training.cli import run
    except ModuleNotFoundError as missing:
        package = (missing.name or "").split(".")[0]
        if package == "training":
            raise
        print(NEEDED.format(missing=package), file=sys.stderr)
        return CONFIGURATION
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
