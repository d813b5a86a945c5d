"""The zips of code and layer: locked wheels and the project's own files alone."""

import contextlib
import hashlib
import zipfile
from pathlib import Path

import pytest

from infra.deploy import artefacts
from infra.deploy.artefacts import PYTHON, build_code, build_layer, read_lock
from infra.deploy.console import Stop
from infra.environment import DEPLOY_REQUIREMENTS

SITE = f"python/lib/{PYTHON}/site-packages"
GENUINE, FORGED = b"genuine = True\n", b"forged = True\n"


def write_wheel(folder: Path, content: bytes) -> str:
    """A wheel of one fixed name and version; its hash."""
    folder.mkdir(parents=True, exist_ok=True)
    about = "six_of_ours-1.0.dist-info"
    files = {
        "six_of_ours.py": content,
        f"{about}/METADATA": b"Metadata-Version: 2.1\nName: six-of-ours\nVersion: 1.0\n",
        f"{about}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/RECORD": b"",
    }
    path = folder / "six_of_ours-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, data in files.items():
            wheel.writestr(name, data)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock of the genuine wheel."""
    path = tmp_path / "requirements.txt"
    digest = write_wheel(tmp_path / "b-genuine", GENUINE)
    path.write_text(f"# locked\nsix-of-ours==1.0 \\\n    --hash=sha256:{digest}\n", "utf-8")
    return path


def layer_from(lock: Path, *offered: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The files of a layer that pip fetched from these folders."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", " ".join(map(str, offered)))
    built = build_layer(lock.parent / "layer.zip", "arm64", lock, lock.parent / "wheels")
    with zipfile.ZipFile(built.path) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def test_a_layer_is_made_of_the_locked_wheel(lock: Path, monkeypatch: pytest.MonkeyPatch):
    files = layer_from(lock, lock.parent / "b-genuine", monkeypatch=monkeypatch)
    assert files[f"{SITE}/six_of_ours.py"] == GENUINE
    assert f"{SITE}/six_of_ours-1.0.dist-info/METADATA" in files
    assert f"{SITE}/six_of_ours-1.0.dist-info/RECORD" not in files


@pytest.mark.parametrize("folder", ["a-forged", "c-forged"])
def test_a_second_file_of_the_same_version_never_enters_the_zip(
    folder: str, lock: Path, monkeypatch: pytest.MonkeyPatch
):
    """Offered through PIP_FIND_LINKS, before and after the genuine one."""
    write_wheel(lock.parent / folder, FORGED)
    offered = sorted([lock.parent / "b-genuine", lock.parent / folder])
    with contextlib.suppress(Stop):  # pip may take the forged one first, and refuse it
        layer_from(lock, *offered, monkeypatch=monkeypatch)
    written = lock.parent / "layer.zip"
    zipped = zipfile.ZipFile(written).read(f"{SITE}/six_of_ours.py") if written.exists() else GENUINE
    assert zipped == GENUINE


def test_a_forged_file_alone_stops_the_packaging(
    lock: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    write_wheel(lock.parent / "forged", FORGED)
    with pytest.raises(Stop, match="pip"):
        layer_from(lock, lock.parent / "forged", monkeypatch=monkeypatch)
    assert "DO NOT MATCH" in capfd.readouterr().err


def test_wheels_are_checked_again_before_they_are_zipped(lock: Path, monkeypatch: pytest.MonkeyPatch):
    layer_from(lock, lock.parent / "b-genuine", monkeypatch=monkeypatch)
    [fetched] = (lock.parent / "wheels").glob("*/*.whl")
    write_wheel(fetched.parent, FORGED)
    with pytest.raises(Stop, match="not a locked file"):
        layer_from(lock, monkeypatch=monkeypatch)


def test_a_download_that_was_cut_off_begins_again(lock: Path, monkeypatch: pytest.MonkeyPatch):
    layer_from(lock, lock.parent / "b-genuine", monkeypatch=monkeypatch)
    [fetched] = (lock.parent / "wheels").glob("*/*.whl")
    (fetched.parent / "complete").unlink()
    fetched.write_bytes(b"half a whe")
    files = layer_from(lock, lock.parent / "b-genuine", monkeypatch=monkeypatch)
    assert [one for name, one in files.items() if name.endswith("six_of_ours.py")] == [GENUINE]


@pytest.mark.parametrize("row", ["six-of-ours==1.0", "six-of-ours --hash=sha256:00", "-r other.txt"])
def test_a_lock_names_every_version_and_hash(row: str, tmp_path: Path):
    path = tmp_path / "requirements.txt"
    path.write_text(f"{row}\n", "utf-8")
    with pytest.raises(Stop, match="make lock"):
        read_lock(path)


def test_the_projects_locks_are_locks():
    deployed = {name for name, _, _ in read_lock(artefacts.LOCK)}
    assert {"cryptography", "pyjwt", "pyotp"} <= deployed
    deploying = {name for name, _, _ in read_lock(DEPLOY_REQUIREMENTS)}
    assert deployed | {"chalice", "pydantic", "cfn-lint"} <= deploying
    assert not deploying & {"moto", "pytest", "ministack", "playwright", "werkzeug"}


def test_every_binary_package_is_locked_for_both_architectures():
    text = artefacts.LOCK.read_text("utf-8")
    hashes = {
        name: text.split(f"{name}==")[1].split("==")[0].count("sha256:")
        for name in ("cryptography", "cffi")
    }
    assert min(hashes.values()) > 20


def test_code_is_the_same_zip_from_wherever_it_is_made(tmp_path: Path):
    first, second = build_code(tmp_path / "one" / "a.zip"), build_code(tmp_path / "two" / "b.zip")
    assert (first.digest, first.size) == (second.digest, second.size)
    with zipfile.ZipFile(first.path) as packed:
        names = packed.namelist()
        assert {entry.date_time for entry in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert {"app.py", "chalice/app.py", "chalicelib/settings.py"} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.startswith(("infra", "tests"))]


def test_what_has_grown_past_its_bound_stops_the_packaging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    code = build_code(tmp_path / "a.zip")
    artefacts.Artefacts(code, code).show()
    monkeypatch.setitem(artefacts.LARGEST, "layer", code.size - 1)
    with pytest.raises(Stop, match="layer has"):
        artefacts.Artefacts(code, code).show()
