"""What a reader's function pays before its first answer."""

import subprocess
import sys


def test_the_store_brings_neither_boto3_nor_numpy_with_it() -> None:
    program = "import sys, growfolio.storage.dynamodb; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = set(loaded.stdout.split())
    assert "botocore.session" in modules
    assert modules.isdisjoint({"boto3", "numpy", "mypy_boto3_dynamodb"})
