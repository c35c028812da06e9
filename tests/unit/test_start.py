"""When garbage is collected, in a function and everywhere else."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import gc
import growfolio.start
before = gc.isenabled()
growfolio.start.started()
print(before, gc.isenabled(), gc.get_freeze_count() > 0)
"""


@pytest.mark.parametrize(
    ("function", "expected"), [("growfolio-dev-api", "False True True"), ("", "True True True")]
)
def test_a_function_collects_no_garbage_before_it_has_started(function: str, expected: str) -> None:
    environ = os.environ | {"AWS_LAMBDA_FUNCTION_NAME": function}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == expected.split()
