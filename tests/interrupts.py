"""Programs that a test interrupts."""

import sys

_HEARS = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def interruptible(command: list[str], before: str = "") -> list[str]:
    """The command, which Ctrl+C ends. A job in the background ignores it, and would hand that on.

    before is Python that runs in its process first.
    """
    return [sys.executable, "-c", f"{before}\n{_HEARS}", *command]
