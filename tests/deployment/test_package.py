"""What is uploaded: only what a Lambda reads, and the same from every machine."""

import zipfile
from pathlib import Path

import pytest

from infra.deploying import package
from infra.deploying.package import Package, Packages

KEPT = {"python/lib/python3.11/site-packages/jwt/api_jwt.py": "a", "app.py": "b"}
UNREAD = {
    "python/lib/python3.11/site-packages/jwt/py.typed": "",
    "python/lib/python3.11/site-packages/jwt/api.pyi": "",
    "python/lib/python3.11/site-packages/cffi/api.py": "",
    "python/lib/python3.11/site-packages/pycparser/ply.py": "",
    "chalicelib/__pycache__/wiring.cpython-311.pyc": "",
}


def packed(path: Path, files: dict[str, str], year: int) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        for name, text in files.items():
            out.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), text)
    return path


def test_only_what_a_lambda_reads_is_kept(tmp_path: Path):
    lean = package._lean(packed(tmp_path / "a.zip", {**KEPT, **UNREAD}, 2026))
    with zipfile.ZipFile(lean.path) as zipped:
        assert {name: zipped.read(name).decode() for name in zipped.namelist()} == KEPT
    assert lean.unpacked == 2


def test_the_same_files_give_the_same_zip_whenever_and_in_whatever_order(tmp_path: Path):
    one = package._lean(packed(tmp_path / "one.zip", KEPT, 2020))
    two = package._lean(packed(tmp_path / "two.zip", dict(reversed(KEPT.items())), 2026))
    assert one.path.read_bytes() == two.path.read_bytes()


def test_a_zip_that_is_lean_is_left_alone(tmp_path: Path):
    lean = package._lean(packed(tmp_path / "a.zip", {**KEPT, **UNREAD}, 2026))
    written = lean.path.stat().st_ino
    assert package._lean(lean.path) == lean
    assert lean.path.stat().st_ino == written


def test_a_zip_that_a_run_was_killed_over_is_made_anew(tmp_path: Path):
    whole, cut = (packed(tmp_path / name, KEPT, 2026) for name in ("whole.zip", "cut.zip"))
    cut.write_bytes(cut.read_bytes()[:-30])
    package.drop_cut_off(tmp_path)
    assert list(tmp_path.iterdir()) == [whole]


def test_a_zip_of_another_hand_is_not_taken_for_lean(tmp_path: Path):
    (tmp_path / "app.py").write_text("b")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        out.write(tmp_path / "app.py", "app.py")
    [entry] = zipfile.ZipFile(package._lean(tmp_path / "a.zip").path).infolist()
    assert (entry.date_time, entry.compress_type) == (package._EPOCH, zipfile.ZIP_DEFLATED)


@pytest.mark.parametrize(
    ("code", "layer", "unpacked", "what"),
    [
        (package.LARGEST_CODE + 1, 1, 1, "the code"),
        (1, package.LARGEST_LAYER + 1, 1, "the layer"),
        (1, 1, package.LARGEST_UNPACKED, "both"),
    ],
)
def test_growth_is_noticed(tmp_path: Path, code: int, layer: int, unpacked: int, what: str):
    for name, size in (("code", code), ("layer", layer)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    packages = Packages(Package(tmp_path / "code", 1), Package(tmp_path / "layer", unpacked))
    [complaint] = packages.too_large
    assert what in complaint


def test_a_change_of_a_source_a_pin_or_the_configuration_is_another_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(package, "ROOT", tmp_path)
    files = ("app.py", "requirements.txt", "infra/deploying/package.py", "chalicelib/api/en.json")
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("before")
    digests = {package.source_digest("{}"), package.source_digest('{"rate": 1}')}
    assert package.source_digest("{}") in digests
    for name in files:
        (tmp_path / name).write_text("after")
        digests.add(package.source_digest("{}"))
    assert len(digests) == 2 + len(files)
    (tmp_path / "chalicelib/__pycache__").mkdir()
    (tmp_path / "chalicelib/__pycache__/x.pyc").write_text("")
    (tmp_path / "README.md").write_text("")
    assert package.source_digest("{}") in digests
