"""Packages as archives, with a tool of our own in place of the registries' tools."""

import sys
from pathlib import Path

import pytest

from probeline.pipeline.errors import UserError
from probeline.sources import packages
from probeline.sources.packages import Package
from probeline.sources.verify import Unavailable
from tests.unit.sources.conftest import CONTENT, DIGEST, names


def tool(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    head = "import sys, os\nout = next(a for a in sys.argv if 'dest' in a).split('=')[1]\n"
    for name in ("PIP", "NPM"):
        monkeypatch.setattr(packages, name, [sys.executable, "-c", head + script])


@pytest.mark.parametrize("package", [Package("pip", "it==1"), Package("npm", "it@1")])
def test_a_package_is_taken_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: Package) -> None:
    tool(monkeypatch, "assert sys.argv[-1] in ('it==1', 'it@1')\nopen(out + '/x', 'wb').write(bytes(range(256)) * 40)")
    packages.get(package, tmp_path / "file", DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("open(out + '/x', 'w').write('evil')", "wrong digest"),
        ("pass", "wrote 0 files, not one"),
        ("sys.exit('Looking\\nERROR: No matching distribution\\nnotice')", "ERROR: No matching distribution"),
        ("sys.exit('npm error code E404\\nnpm error 404 Not Found\\nnpm error A complete log is in')", "404 Not Found"),
        ("sys.exit('No module named pip')", "No module named pip"),
    ],
)
def test_why_a_package_did_not_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str) -> None:
    tool(monkeypatch, script)
    with pytest.raises(Unavailable, match=reason):
        packages.get(Package("pip", "it==1"), tmp_path / "file", DIGEST)
    assert names(tmp_path) == []


def test_a_package_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(monkeypatch, "sys.exit('OSError: [Errno 28] No space left on device')")
    with pytest.raises(UserError, match="No space left on device; make room"):
        packages.get(Package("pip", "it==1"), tmp_path / "file", DIGEST)


def test_the_tools_may_run_nothing_and_install_nothing() -> None:
    assert packages.PIP[:6] == [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    assert packages.NPM[:3] == ["npm", "pack", "--ignore-scripts"]
