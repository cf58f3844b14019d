"""Digests: of files, of bytes, of the members of zip files."""

from pathlib import Path

import pytest

from probeline.pipeline.errors import UserError
from probeline.sources.verify import Unavailable, check, check_bytes
from tests.unit.sources.conftest import write_zip


def test_digests(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, appendix B.1
    check(path, f"sha256:{sha256}")
    check(path, "md5:900150983cd24fb0d6963f7d28e17f72")  # RFC 1321, appendix A.5
    with pytest.raises(UserError, match=r"^batch: wrong digest: expected md5:0, found md5:9001"):
        check_bytes(b"abc", "md5:0", "batch")
    # The beginning of a digest will do, but not less than eight digits of it.
    check(path, f"sha256:{sha256[:8]}")
    check_bytes(b"abc", f"sha256:{sha256[:8]}", "batch")
    for wrong in (sha256[:7], f"{sha256[:7]}e", ""):
        with pytest.raises(Unavailable, match="wrong digest"):
            check(path, f"sha256:{wrong}")


def test_the_digest_of_a_member(tmp_path: Path) -> None:
    packed = write_zip(tmp_path / "weights.zip", {"abc.pth": b"abc", "other": b"x"})
    sha1 = "a9993e364706816aba3e25717850c26c9cd0d89d"  # FIPS 180-2, appendix A.1
    check(packed, f"sha1:{sha1}:abc.pth")
    with pytest.raises(Unavailable, match=f"wrong digest: expected sha1:{sha1}:other, found sha1:11f6"):
        check(packed, f"sha1:{sha1}:other")
    with pytest.raises(Unavailable, match=r"not a zip file with a member none\.pth"):
        check(packed, f"sha1:{sha1}:none.pth")
    (tmp_path / "page.zip").write_text("<html>log in first</html>")
    with pytest.raises(Unavailable, match=r"not a zip file with a member abc\.pth"):
        check(tmp_path / "page.zip", f"sha1:{sha1}:abc.pth")
