"""A user's own data: where it is, and whether it is still the same."""

import os
from pathlib import Path

import pytest

from probeline.pipeline.errors import ParamError
from probeline.sources import own

SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of abc: FIPS 180-2, appendix B.1


def test_a_users_path_counts_from_the_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir("/")
    for path in ("photos", "~/photos", str(tmp_path / "photos")):
        assert own.locate(path) == tmp_path / "photos"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("fotos", "fotos: no such file or folder ({root}/fotos); correct it; a relative path counts from the clone"),
        ("x" * 300, f"'{'x' * 100}"),  # a line is cut in its middle
        ("~nobody-of-this-name/x", "'{path}' is no path of a file or folder ("),
    ],
)
def test_a_path_that_leads_nowhere_is_named(tmp_path: Path, path: str, line: str) -> None:
    with pytest.raises(ParamError) as caught:
        own.locate(path)
    assert str(caught.value).startswith("params.yaml: path: " + line.format(root=tmp_path, path=path))


def test_the_digest_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert own.sha256_of(tmp_path / "abc") == SHA256


def test_a_users_data_is_pinned_by_its_digest() -> None:
    own.pin("abc", SHA256, SHA256)
    with pytest.raises(
        ParamError, match=f"^params.yaml: sha256: is missing; write {SHA256} there: that of abc as it is"
    ):
        own.pin("abc", SHA256, None)
    with pytest.raises(
        ParamError, match=f"^params.yaml: sha256: abc has changed: expected 00, found {SHA256}; restore"
    ):
        own.pin("abc", SHA256, "00")


def test_a_pipe_or_a_device_is_no_data(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in ("pipe", "/dev/zero"):
        with pytest.raises(ParamError, match=f"path: {path} is a pipe or a device; give the path of a file or folder$"):
            own.locate(path)


def test_what_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").write_bytes(b"")
    monkeypatch.setattr(os, "access", lambda *_: False)  # as for a user who may not; root may all
    with pytest.raises(ParamError, match=r"path: mine may not be read; allow it$"):
        own.locate("mine")


def test_a_list_of_names_is_short_and_printable() -> None:
    assert own.some(["a", "b"]) == "a, b"
    assert own.some(["x" * 70, *"abcdef"]) == f"{'x' * 60}..., a, b and 4 more"
    assert own.some(["a\n\udc80"]) == r"a\n\udc80"


def test_a_path_is_found_in_either_form_of_unicode(tmp_path: Path) -> None:
    (tmp_path / "cafe\u0301").mkdir()
    assert own.locate("caf\u00e9") == tmp_path / "cafe\u0301"
