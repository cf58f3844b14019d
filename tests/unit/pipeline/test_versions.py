"""Versions of packages are part of what stages depend on."""

import ast
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from probeline.pipeline import code, numerics, versions
from probeline.pipeline.errors import UserError
from probeline.pipeline.groups import GROUPS
from tests.conftest import ROOT

PIPELINE: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A folder in which `check` has written versions; what is installed there."""
    monkeypatch.chdir(tmp_path)
    for name in numerics.NAMES:
        monkeypatch.delenv(name, raising=False)
    packages = {"torch": "2.14.1", "numpy": "2.5.0"}
    monkeypatch.setattr(versions, "installed", packages.get)
    for path in (versions.SEEN / "maps.json", versions.SEEN / "train/mine.json"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps({"code": {}, **versions.here(["torch", "numpy"]), "numerics": numerics.stated("native")})
        )
    return packages


@pytest.mark.parametrize("section", [*sorted(GROUPS.keys() - {"datasets"}), "summary"])
def test_every_stage_that_computes_depends_on_versions(section: str) -> None:
    stage = PIPELINE["summary"] if section == "summary" else PIPELINE[GROUPS[section].stage]["do"]
    deps = [dep for dep in stage["deps"] if dep.startswith("data/checked/code/")]
    assert deps in ([f"data/checked/code/{section}.json"], [f"data/checked/code/{section}/${{key}}.json"])
    assert versions.PACKAGES[section]


def imports(path: Path) -> set[str]:
    """What a file imports, but not for types alone: modules, and names that may be modules."""
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def reached(script: Path) -> set[str]:
    """The packages that a script imports, directly or not. Parts, which are imported by their names, do not count."""
    seen, ahead, names = {script}, {script}, set[str]()
    while ahead:
        found = {name for path in ahead for name in imports(path)}
        names |= {name.partition(".")[0] for name in found}
        ours = {ROOT / "src" / f"{name.replace('.', '/')}.py" for name in found if name.startswith("probeline.")}
        ahead = {path for path in ours if path.is_file()} - seen
        seen |= ahead
    known = versions._distributions()
    packages = {package for name in names - set(sys.stdlib_module_names) for package in known.get(name, [])}
    return {re.sub("[-_.]+", "-", package).lower() for package in packages - {"probeline"}}


@pytest.mark.parametrize("section", sorted(versions.PACKAGES))
def test_no_package_that_a_stage_imports_is_forgotten(section: str) -> None:
    script = ROOT / "stages" / f"{GROUPS[section].stage if section in GROUPS else section}.py"
    decides_nothing = versions.READERS | {"dvc", "threadpoolctl"}
    # The lessons keep checkpoints without PyTorch; of published weights nothing is known to be seen: an empty archive.
    unused = {"lessons": {"torch"}, "backbones": {"numpy"}}.get(section, set())
    assert reached(script) - decides_nothing - unused <= set(versions.PACKAGES[section])


def test_they_can_be_read_from_what_is_installed() -> None:
    for package in {package for packages in versions.PACKAGES.values() for package in packages}:
        assert re.fullmatch(r"[0-9][\w.]*", str(versions.installed(package))), package


def test_check_notices_new_requirements_and_never_comes_from_the_run_cache() -> None:
    assert "requirements.txt" in PIPELINE["check"]["deps"]
    assert PIPELINE["check"]["outs"] == [{"data/checked": {"persist": True}}]


def test_the_build_of_a_package_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "version", lambda package: "2.14.1+cpu")  # noqa: ARG005
    assert versions.installed("torch") == "2.14.1"


def test_a_part_adds_the_packages_that_its_file_imports() -> None:
    models, objectives = (ROOT / "src/probeline" / package for package in ("models", "objectives"))
    assert versions.used("train", []) == {"numpy", "torch", "torchinfo"}
    assert versions.used("train", [models / "convnet.py"]) == {"numpy", "torch", "torchinfo"}
    both = versions.used("sweeps", [models / "torchvision.py", objectives / "supervised_contrastive.py"])
    assert both == {"numpy", "torch", "torchvision", "pytorch-metric-learning"}


def test_with_the_same_versions_a_stage_runs(here: dict[str, str]) -> None:  # noqa: ARG001
    assert [versions.insist(entry) for entry in ("maps.any", "train.mine")] == ["native", "native"]
    assert [versions.insist(entry) for entry in ("datasets.any", "check", "summary")] == ["portable"] * 3
    assert versions.upgrades() == []


@pytest.mark.parametrize("entry", ["maps.any", "train.mine"])
def test_a_stage_refuses_an_upgrade_that_check_has_not_seen(here: dict[str, str], entry: str) -> None:
    here["torch"] = "2.15.0"
    line = "torch is 2.15.0 and was 2.14.1 when `check` ran; run: dvc repro --force check; then the same command again"
    with pytest.raises(UserError, match=f"^{re.escape(line)}$"):
        versions.insist(entry)
    assert versions.upgrades() == ["torch is 2.15.0 and was 2.14.1"]
    del here["torch"]
    with pytest.raises(UserError, match=re.escape("torch is not installed and was 2.14.1")):
        versions.insist(entry)


def test_a_stage_refuses_other_pins_of_instruction_sets(
    here: dict[str, str],  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    with pytest.raises(UserError, match="ATEN_CPU_CAPABILITY is avx2 and was not set when `check` ran"):
        versions.insist("maps.any")
    assert numerics.stated("native")["pinned"] == {"ATEN_CPU_CAPABILITY": "avx2"}


def test_in_portable_mode_what_a_user_pins_does_not_matter(
    here: dict[str, str],  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = json.loads((versions.SEEN / "maps.json").read_bytes()) | {"numerics": numerics.stated("portable")}
    (versions.SEEN / "maps.json").write_text(json.dumps(content))
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    assert versions.insist("maps.any") == "portable"
    assert numerics.stated("portable")["pinned"] == numerics.PINS


def test_a_damaged_file_is_one_line(here: dict[str, str]) -> None:  # noqa: ARG001
    (versions.SEEN / "maps.json").write_text('{"versions": ')
    with pytest.raises(UserError, match=r"data/checked/code/maps.json: is damaged; run: dvc repro --force check"):
        versions.insist("maps.any")


def test_what_is_not_as_pinned_is_named(here: dict[str, str]) -> None:
    Path("requirements.txt").write_text(
        "numpy==2.4.0 ; python_full_version < '3.12'\nnumpy==2.5.0 ; python_full_version >= '3.12'\n"
        "torch==2.14.1\nruff==1.0.0\n"
    )
    assert list(versions.unlike_pinned()) == []
    here["torch"] = "2.11.0"
    here["numpy"] = "2.3.0"
    assert list(versions.unlike_pinned()) == [
        "numpy is 2.3.0, not 2.4.0 or 2.5.0",
        "torch is 2.11.0, not 2.14.1",
    ]


def test_the_formats_of_a_section_are_files_whose_digests_it_carries() -> None:
    for section, names in code.FORMATS.items():
        assert set(code.formats(section)) == {f"src/probeline/{name}.py" for name in names}
    assert set(code.FORMATS) == GROUPS.keys() - {"datasets"}
