"""The production Python worker (PyPI: azure-functions-runtime) indexes the same apps, with the same verdicts.

Its metadata asks for Python 3.13, but the code runs on 3.11: install it with
`pip install --no-deps --ignore-requires-python azure-functions-runtime`. Skipped where it is missing.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.host import sources
from tests.host.harness import APP, ROOT, Host

pytest.importorskip("azure_functions_runtime", reason="azure-functions-runtime is not installed")

# A process for each app (forked, so that imports are paid once): an app can be indexed only once in a process.
SCRIPT = """
import json, os, sys, traceback
from types import SimpleNamespace
import azure.durable_functions
from azure_functions_runtime import functions, loader
from azure_functions_runtime.bindings import meta
meta.load_binding_registry()
protos = SimpleNamespace(BindingInfo=SimpleNamespace(inout=2, out=1, undefined=0))

def index(folder):
    os.chdir(folder)
    sys.path.insert(0, folder)
    registry = functions.Registry()
    found = loader.index_function_app("function_app.py")
    for function in found:
        registry.add_indexed_function(function=function, protos=protos)
    return len(found)

for folder in sys.argv[1:]:
    if os.fork() == 0:
        try:
            verdict = [index(folder), ""]
        except BaseException:
            verdict = [None, traceback.format_exc()]
        print(json.dumps(verdict), flush=True)
        os._exit(0)
    os.wait()
"""


def index_with_real_worker(
    folders: Sequence[Path], environment: dict[str, str] | None = None
) -> list[tuple[int | None, str]]:
    """Indexes each DIR/function_app.py as production does: (number of functions, or None when refused, why)."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, folders)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        check=True,
    )
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(verdicts) == len(folders)
    return [(count, why) for count, why in verdicts]


def test_the_sample_app(host: Host) -> None:
    [(count, why)] = index_with_real_worker([APP], host.environment)
    assert count == host.http.get("/admin/host/status").json()["functions"], why


def test_the_product() -> None:
    if not (ROOT / "function_app.py").is_file():
        pytest.skip("no function_app.py at the root")
    [(count, why)] = index_with_real_worker([ROOT])
    assert count, why


def test_verdicts_agree(tmp_path: Path) -> None:
    folders = [tmp_path / str(i) for i in range(len(sources.SOURCES))]
    for folder, (_, source, _) in zip(folders, sources.SOURCES, strict=True):
        folder.mkdir()
        (folder / "function_app.py").write_text(source)
    verdicts = index_with_real_worker(folders)
    refused_there = {name for name, (count, _) in zip(sources.IDS, verdicts, strict=True) if count is None}
    assert refused_there == {name for name, _, words in sources.SOURCES if words is not None}
