"""`make faults`: faults through the real clients to what a reader sees, beside an undisturbed twin.

Prints a table, and ends with exit code 1 where a row breaks its bar. Candles, faults and cold starts come
from a seed; time is passed in.
"""

import logging
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from os import cpu_count

from tests.faults.jobs import jobs, run_nth
from tests.faults.storage import CHECKS
from tests.faults.table import print_table


def main() -> int:
    logging.disable(logging.WARNING)
    started = time.monotonic()
    with ProcessPoolExecutor(cpu_count(), mp_context=get_context("spawn")) as pool:
        checking = [pool.submit(check) for check in CHECKS]
        rows = [row for made in pool.map(run_nth, range(len(jobs()))) for row in made]
        checked = [check.result() for check in checking]
    print_table(rows, checked, time.monotonic() - started)
    return 1 if any(row.breaches for row in rows) or any(breaches for *_, breaches in checked) else 0


if __name__ == "__main__":
    sys.exit(main())
