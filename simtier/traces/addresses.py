"""The addresses of the public traces' official files, as data.

No address here was tried when it was written down: `sure` says of each what speaks for it. Files in GitHub repositories are named at a
commit, so that size and hash stay true; files of a release can be replaced by their publishers. "Computed" hashes are of the bytes
themselves, "reported" ones were published by others who downloaded the file. Files without a hash are pinned by their commit alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

_AZURE = "https://raw.githubusercontent.com/Azure/AzurePublicDataset/b469a113cedca53ddc3bdea71a143dc4b7d8700c/data/"
_AZURE_RELEASE = "https://github.com/Azure/AzurePublicDataset/releases/download/"
_BURSTGPT = "https://github.com/HPMLL/BurstGPT/releases/download/v2.0/"
_MOONCAKE = "https://raw.githubusercontent.com/kvcache-ai/Mooncake/3b5a594133958449a1feaf1c9e0fc1b553e34a28/FAST25-release/traces/"
_BANDWIDTH = (
    "https://raw.githubusercontent.com/confiwent/Real-world-bandwidth-traces/d28c4fd48d0e358db024cc0217b111c070815fa7/"
)
_SPOT = "https://raw.githubusercontent.com/skypilot-org/spot-traces/221da1ab9bdfe7966da296265d7694d52dc0c5a6/preemption/1-node/aws-04-22-2023/"
_HUAWEI = "https://github.com/sir-lab/data-release/blob/84a9d7727aefed486ea69e022b5ed2476d588700/"

_COMPUTED = "file seen at this commit; size and hash computed; raw address formed from the commit, not tried"
_PINNED = "file seen at this commit; raw address formed from the commit, not tried; no hash kept"
_RELEASE = "address, size and hash reported by several who downloaded it; not tried"
_REPORTED = (
    "file named on the project's page, its hash reported by others; raw address formed from the commit, not tried"
)
_CLOSED = "its old address in Azure blob storage was reported in 2026 to refuse (409)"

_RIDES = """bus 1 2 3 4 5 7 9 10 11 12 14 16 17 18 19 20 21 22 23
car 2 3 4 5 6
ferry 2 3 4 20
metro 2 3 4 7 9 10
train 1 2 4 5 7 12 13 14 16 17 19 21
tram 10 11 12 14 17 18 19 20 21 22 24 26 27 28 29 30 31 32 38 39 40 42 43 44 46 47 48 49 51 52 53 54 55 56"""
_CUT_RIDES = """bus 6 8 13 15
car 1 7 8 9 10 11 12
ferry 1 19
metro 1
train 15 18 20
tram 16 25 33 36 41 45 50"""
_FCC_TESTS = """edition.cnn.com 10322
www.amazon.com 866 8299 8747 13092 26689 28838 30637 32551 207336 214390 216826 797466 799296 806172 806330 901648 925806 939618
www.ebay.com 925800 925960 942154
www.facebook.com 6780 7256 8996 10367 10730 11332 13562 14679 213586 397686 663494 665192 799448 849842 939592 941752 942092
www.google.com-mobile- 28919 939562
www.msn.com 87304 215252
www.yahoo.com 909 7190 7289 7451 7540 632966 665208 797172 797700
www.youtube.com 5294 5642 9370 805936 940760 941778 942598"""


@dataclass(frozen=True)
class OfficialFile:
    """One file as its publishers offer it.

    Attributes:
        dataset: the first half of a trace's name.
        items: the items it holds; empty: all of the dataset, or one cannot tell.
        url: where it is; None: there is no address that a program may ask, see `note`.
        folder: where it belongs, relative to a traces directory.
        filename: its name there.
        size: bytes; None: not known.
        sha256: hexadecimal; None: not known.
        sure: what speaks for address, size and hash.
        note: what a user must know or do besides.
    """

    dataset: str
    items: tuple[str, ...]
    url: str | None
    folder: str
    filename: str
    size: int | None
    sha256: str | None
    sure: str
    note: str = ""


def _whole() -> Iterator[OfficialFile]:
    """The files with an address of their own; most have a known size and hash."""
    yield from _group(
        "azure-llm-2023",
        _AZURE,
        _COMPUTED,
        (
            "code",
            "AzureLLMInferenceTrace_code.csv",
            320_117,
            "54e9a6d2a4bd06ba1e060304b900abbc74cbea53de96506e60fe5bb4f2277fb6",
        ),
        (
            "conv",
            "AzureLLMInferenceTrace_conv.csv",
            719_188,
            "2f1e5b666d4e3055fdbba98598ce2ec307767b9064e03e2fa46676dbcc7d0bf8",
        ),
    )
    yield from _group(
        "azure-llm-2024",
        f"{_AZURE_RELEASE}dataset-llm-2024/",
        _RELEASE,
        (
            "code",
            "AzureLLMInferenceTrace_code_1week.csv",
            691_989_454,
            "71de5c55cbc35f8f1ed0b6b7806b4cd1e9764b0058469725a6aac98023a1448f",
        ),
        (
            "conv",
            "AzureLLMInferenceTrace_conv_1week.csv",
            1_135_195_393,
            "a0cc9b969a9bbf0fd811802cbf4323edd3a209ace791e3799ad4f9207f213941",
        ),
        note=_CLOSED,
    )
    yield from _group(
        "azure-lmm-2025",
        _AZURE,
        "path named on the project's page; raw address formed from the commit, not tried; size and hash not known",
        ("multimodal", "AzureLMMInferenceTrace_multimodal.csv.gz", None, None),
    )
    yield from _group(
        "azure-functions-2021",
        _AZURE,
        "path named on the project's page; size and hash reported by one who downloaded it; raw address not tried",
        (
            "",
            "AzureFunctionsInvocationTraceForTwoWeeksJan2021.rar",
            18_444_269,
            "8bb5d1c82e89e467062b6582996232df24edfebadbaf3287a8c985ca178ba92d",
        ),
        note="a RAR 5 archive, which simtier cannot unpack: run RARLAB's `unrar x` on it in that folder (unar and p7zip 16 fail)",
    )
    yield from _group(
        "burstgpt",
        _BURSTGPT,
        _RELEASE,
        ("1", "BurstGPT_1.csv", 52_283_111, "4bb3783693d0a435686fbfc885615d2349bd067239079fa4b749f2e679e12122"),
        ("2", "BurstGPT_2.csv", 144_819_209, "44bf5942b03fca42c01a226a545ad3a750ec62688faecd67b6831c56a8928bf7"),
        ("3", "BurstGPT_3.csv", 231_682_327, "2299986a07388aa303ec2c41d1131e756db650a39ed6ef9dfe7cc3d7f9a43b8f"),
        (
            "1-without-fails",
            "BurstGPT_without_fails_1.csv",
            51_429_517,
            "a4d068a7113ec0290e74063a1b3447dc6001a30e4298eb313581b71006dda1f4",
        ),
        (
            "2-without-fails",
            "BurstGPT_without_fails_2.csv",
            142_376_815,
            "56193aa9b2bb26128ded43d2d29a960df6bf5af062bcfc9b005f3fcaa4e6e501",
        ),
        (
            "3-without-fails",
            "BurstGPT_without_fails_3.csv",
            217_312_026,
            "3326259f9efb11845bc5ef85fa97e6f691050b0974621c91ef22acd566c43a40",
        ),
    )
    yield from _group(
        "mooncake",
        _MOONCAKE,
        _COMPUTED,
        (
            "conversation",
            "conversation_trace.jsonl",
            3_029_533,
            "b8cbb061a85206d729d91cdc2981f43c9e0d99209dce588d3af5f7934408b9df",
        ),
    )
    yield from _group(
        "mooncake",
        _MOONCAKE,
        _REPORTED,
        (
            "toolagent",
            "toolagent_trace.jsonl",
            None,
            "48a2db1a13d3bc05e6330140c64f604ba366df20d3c9e128b5c35a01c1fa5f71",
        ),
        (
            "synthetic",
            "synthetic_trace.jsonl",
            None,
            "bd070915a98fc0ed264d7cfef2ce746002eb3076a695ec31ba2674c0111ec131",
        ),
    )
    yield from _group(
        "aws-spot",
        _SPOT,
        "address and hash reported by one who downloaded it; not tried",
        (
            "us-east-1c-v100-1",
            "us-east-1c_v100_1.json",
            None,
            "8405520cdc1f8327997709972c7fb7df63e28d320416223a65f94bc7115bb8c9",
        ),
        (
            "us-east-1f-v100-1",
            "us-east-1f_v100_1.json",
            None,
            "05dd39a548ed2714d23c19188b5385051547cd3650d3327c2bee90be92893dbc",
        ),
        (
            "us-west-2b-v100-1",
            "us-west-2b_v100_1.json",
            None,
            "6e9b7f7fec8be121ce94cc0e0e9d9a14dd57a5dcf6911388f49641f47a2bb064",
        ),
        (
            "us-west-2c-v100-1",
            "us-west-2c_v100_1.json",
            None,
            "68ddceb31103227f62ec2ef3e8459e47810eb42b573a7b8e6d501885e073cd63",
        ),
        note="from the folder preemption/ of that repository: check whether 1 means available before you replay it",
    )
    yield OfficialFile(
        "azure-functions-2019",
        (),
        f"{_AZURE_RELEASE}dataset-functions-2019/azurefunctions_dataset2019_azurefunctions-dataset2019.tar.xz",
        "azure-functions-2019",
        "azurefunctions-dataset2019.tar.xz",
        142_968_140,
        "aff8b3ca7240a41a109e4ee598e0a96e45fcb92e7b8395ac19cb3748cd260d89",
        _RELEASE,
        f"unpack it in that folder for quicker reading; {_CLOSED}",
    )


def _group(
    dataset: str, base: str, sure: str, *rows: tuple[str, str, int | None, str | None], note: str = ""
) -> Iterator[OfficialFile]:
    """Yield files that have address, folder and evidence in common; a row is (item, filename, size, sha256)."""
    for item, filename, size, sha256 in rows:
        items = (item,) if item else ()
        yield OfficialFile(dataset, items, base + filename, dataset, filename, size, sha256, sure, note)


def _small() -> Iterator[OfficialFile]:
    """The many small files of the bandwidth datasets, by their names at the commit."""
    for kind, number in _pairs(_RIDES):
        yield _bandwidth("norway-hsdpa", f"{kind}-{number}", "cooked_3gp", f"norway_{kind}_{number}")
    for kind, number in _pairs(_CUT_RIDES):
        for cut in range(6):
            name = f"norway_{kind}_{number}_part{cut}.log"
            yield _bandwidth("norway-hsdpa", f"{kind}-{number}-part{cut}", "traces_3gp", name)
    for site, number in _pairs(_FCC_TESTS):
        name = f"trace_{number}_http---{site}"
        yield _bandwidth("fcc", name.replace("_", "-"), "fcc_ori/cooked_traces", name)
    for session in range(428):
        yield _bandwidth("oboe", f"trace-{session}", "traces_oboe", f"oboe_trace_{session}.txt")


def _pairs(table: str) -> Iterator[tuple[str, str]]:
    """Yield each first word of a line with each of the numbers after it."""
    for line in table.splitlines():
        first, *numbers = line.split()
        for number in numbers:
            yield first, number


def _bandwidth(dataset: str, item: str, path: str, name: str) -> OfficialFile:
    return OfficialFile(dataset, (item,), f"{_BANDWIDTH}{path}/{name}", f"{dataset}/{path}", name, None, None, _PINNED)


def _by_hand() -> Iterator[OfficialFile]:
    """The datasets that lie where a program may not ask."""
    for dataset, page in (
        ("huawei-2023", "README_data_release_2023.md"),
        ("huawei-2025", "README_data_release_2025.md"),
    ):
        note = f"open {_HUAWEI}{page} in a browser, follow its Google Drive links, and unpack the zip files into that folder"
        yield OfficialFile(dataset, (), None, dataset, "", None, None, "page seen at this commit", note)


def _by_dataset(files: Iterable[OfficialFile]) -> Mapping[str, tuple[OfficialFile, ...]]:
    grouped: dict[str, tuple[OfficialFile, ...]] = {}
    for file in files:
        grouped[file.dataset] = (*grouped.get(file.dataset, ()), file)
    return MappingProxyType(grouped)


OFFICIAL_FILES = _by_dataset((*_whole(), *_small(), *_by_hand()))
"""The official files of each dataset, by its name."""
