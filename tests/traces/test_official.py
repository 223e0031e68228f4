"""The addresses of the official files, and their download to where simtier looks for them."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from functools import partial
from pathlib import Path

import pytest

from simtier.errors import TraceError
from simtier.traces.addresses import OFFICIAL_FILES
from simtier.traces.datasets import DATASETS
from simtier.traces.download import Downloaded
from simtier.traces.official import OfficialFile, fetch, official_files

FILES = [file for files in OFFICIAL_FILES.values() for file in files]
DATA = b"0.0\t1.0\n"
SHA256 = hashlib.sha256(DATA).hexdigest()
REAL = [Path(part) for part in os.environ.get("SIMTIER_TRACES", "").split(os.pathsep) if part]


def _file(name: str, sha256: str | None = SHA256) -> OfficialFile:
    return OfficialFile("oboe", (), f"http://127.0.0.1:9/{name}", "oboe/traces_oboe", name, None, sha256, "made up")


def _fake(url: str, target: Path, **known: object) -> Downloaded:
    """Write what a download would, and tell its progress."""
    assert set(known) == {"size", "sha256", "progress"}
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(DATA)
    if callable(known["progress"]):
        known["progress"](8, 8)
    return Downloaded(target, 8, SHA256, 0)


def test_every_file_has_an_address_of_https_or_steps_for_a_person() -> None:
    for file in FILES:
        assert file.sure, file
        assert file.url is None or re.fullmatch(r"https://[!-~]+", file.url), file
        assert file.note if file.url is None else file.filename, file


def test_hashes_and_commits_are_whole() -> None:
    for file in FILES:
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256 or "0" * 64), file
        if file.url and "raw.githubusercontent.com" in file.url:
            assert re.search(r"\.com/[^/]+/[^/]+/[0-9a-f]{40}/", file.url), file


def test_no_two_files_have_one_place() -> None:
    places = [(file.folder, file.filename) for file in FILES if file.url]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("dataset", sorted(set(DATASETS) & set(OFFICIAL_FILES)))
def test_simtier_finds_each_file_where_it_is_put(tmp_path: Path, dataset: str) -> None:
    plain = [
        file for file in OFFICIAL_FILES[dataset] if file.items and not file.filename.endswith((".gz", ".xz", ".rar"))
    ]
    for file in plain:
        path = tmp_path / file.folder / file.filename
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(DATA)
    assert set(DATASETS[dataset].items(tmp_path)) == {item for file in plain for item in file.items}


@pytest.mark.skipif(not REAL, reason="needs the real traces: set SIMTIER_TRACES")
@pytest.mark.parametrize("name", ["azure-llm-2023/code", "azure-llm-2023/conv", "mooncake/conversation"])
def test_known_sizes_and_hashes_are_those_of_the_real_files(name: str) -> None:
    (file,) = official_files(name)
    packed = [path for root in REAL if (path := root / file.folder / f"{file.filename}.gz").is_file()]
    if not packed:
        pytest.skip(f"no {file.folder}/{file.filename}.gz in SIMTIER_TRACES")
    data = gzip.decompress(packed[0].read_bytes())
    assert (len(data), hashlib.sha256(data).hexdigest()) == (file.size, file.sha256)


def test_the_bandwidth_datasets_are_complete() -> None:
    counts = {name: len(official_files(name)) for name in ("norway-hsdpa", "fcc", "oboe")}
    assert counts == {"norway-hsdpa": 80 + 144, "fcc": 59, "oboe": 428}


def test_an_item_is_chosen_by_its_name_or_its_files() -> None:
    (file,) = official_files("burstgpt/1-without-fails")
    assert official_files("burstgpt/BurstGPT_without_fails_1.csv") == (file,)
    assert file.size == 51_429_517
    assert official_files("azure-functions-2019/d01") == official_files("azure-functions-2019")


def test_a_wrong_name_is_told_the_right_one() -> None:
    with pytest.raises(TraceError) as caught:
        official_files("mooncak")
    assert str(caught.value) == "'mooncak': no official files are known of dataset 'mooncak' (did you mean 'mooncake'?)"
    with pytest.raises(TraceError) as caught:
        official_files("mooncake/conversations")
    assert str(caught.value) == (
        "'mooncake/conversations': no official file of mooncake holds 'conversations' (did you mean 'conversation'?)"
    )


def test_files_are_put_into_their_folder_and_progress_names_the_file(tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    files = [_file("a"), _file("b")]
    got = fetch(
        "oboe", tmp_path, files=files, how=_fake, progress=lambda file, *now: told.append((file.filename, *now))
    )
    assert [one.path for one in got] == [tmp_path / "oboe/traces_oboe/a", tmp_path / "oboe/traces_oboe/b"]
    assert told == [("a", 8, 8), ("b", 8, 8)]


def test_an_unchecked_file_that_is_there_is_left(tmp_path: Path) -> None:
    _fake("", tmp_path / "oboe/traces_oboe/a", size=None, sha256=None, progress=None)
    got = fetch("oboe", tmp_path, files=[_file("a", sha256=None)], how=partial(pytest.fail, "downloaded again"))
    assert got == [Downloaded(tmp_path / "oboe/traces_oboe/a", 8, SHA256, 8)]


def test_the_known_hash_reaches_the_download(tmp_path: Path) -> None:
    _fake("", tmp_path / "oboe/traces_oboe/a", size=None, sha256=None, progress=None)
    with pytest.raises(TraceError, match=f"is there with sha256 {SHA256}, but {'0' * 64} is known"):
        fetch("oboe", tmp_path, files=[_file("a", sha256="0" * 64)])


def test_a_dataset_only_a_person_can_get_says_how(tmp_path: Path) -> None:
    with pytest.raises(TraceError) as caught:
        fetch("huawei-2023", tmp_path)
    page = "https://github.com/sir-lab/data-release/blob/84a9d7727aefed486ea69e022b5ed2476d588700/README_data_release_2023.md"
    assert str(caught.value) == (
        f"'huawei-2023': no program may download it to {tmp_path / 'huawei-2023'}: open {page} in a browser, follow its "
        "Google Drive links, and unpack the zip files into that folder"
    )
    assert list(tmp_path.iterdir()) == []
