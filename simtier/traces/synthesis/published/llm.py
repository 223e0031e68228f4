"""BurstGPT (Wang et al., KDD 2025, arXiv 2401.17644; HPMLL/BurstGPT, CC-BY 4.0) and Mooncake (Qin et al., FAST 2025, Apache-2.0).

BurstGPT's lengths are quantiles of the first 400 rows of BurstGPT_1.csv, by model, all but two of them conversations.
"""

from __future__ import annotations

from dataclasses import replace

from simtier.traces.synthesis.arrivals import Bursts
from simtier.traces.synthesis.prefixes import PrefixRequests
from simtier.traces.synthesis.quantiles import Quantiles
from simtier.traces.synthesis.requests import BurstyRequests, Kind
from simtier.traces.synthesis.rhythm import FLAT_DAY, Wander

_CHATGPT_REQUEST = Quantiles.of(
    "0:9 1:10.1 5:17.25 10:22.5 15:31 20:42 25:61.5 30:81.5 35:121 40:179 45:250 50:347 55:432.5 60:509 "
    "65:601.5 70:797.5 75:936 80:1098 85:1289 90:1436 95:1635.5 98:1839.3 99.5:1957.9 100:1994"
)
_CHATGPT_RESPONSE = Quantiles.of(
    "0:3 1:5.05 5:14 10:18 15:30 20:43 25:65.25 30:82 35:113.25 40:166 45:209.5 50:243.5 55:269.75 60:300 "
    "65:333.25 70:355 75:399.75 80:442 85:503.75 90:622.5 95:969.5 98:1362 99.5:1773.3 100:2019"
)
_GPT4_REQUEST = Quantiles.of(
    "0:15 1:17.28 5:19.8 10:30.8 15:42.6 20:93.4 25:127 30:148.4 35:188.6 40:236 45:288.4 50:389 55:456.6 "
    "60:533.4 65:592.8 70:706.4 75:820 80:961.2 85:991 90:1386.2 95:1760.8 98:1975.8 99.5:2076.2 100:2126"
)
_GPT4_RESPONSE = Quantiles.of(
    "0:2 1:12.64 5:21.4 10:25.6 15:30.8 20:67.6 25:80 30:93.2 35:147.6 40:191.6 45:210.2 50:225 55:238.8 "
    "60:265.6 65:294.6 70:315.8 75:362 80:379.8 85:411.6 90:476 95:520.8 98:629.72 99.5:708.88 100:737"
)


def _with_top(body: Quantiles, top: float) -> Quantiles:
    """Return `body` with its last 0.5 % reaching up to `top`."""
    return replace(body, values=(*body.values[:-1], top))


_GPT = Kind(0.80, "ChatGPT", "Conversation log", _CHATGPT_REQUEST, _CHATGPT_RESPONSE, 0.277)
_GPT4 = Kind(0.20, "GPT-4", "Conversation log", _GPT4_REQUEST, _GPT4_RESPONSE, 0.344)


def _part(kind: Kind, share: float, how: str) -> Kind:
    """Return one sort of requests of the whole file: the slice's lengths, up to the file's longest request and answer."""
    longest = _with_top(kind.input_tokens, 29_665.0), _with_top(kind.output_tokens, 7_315.0)
    return Kind(share, kind.model, how, *longest, kind.correlation)


_SHAPE = (
    0.5,
    0.4,
    0.3,
    0.2,
    0.15,
    0.1,
    0.15,
    0.3,
    0.9,
    1.3,
    1.6,
    1.7,
    1.5,
    1.4,
    1.7,
    1.8,
    1.8,
    1.6,
    1.3,
    1.2,
    1.3,
    1.3,
    1.1,
    0.8,
)
_HOURS = tuple(24 * x / sum(_SHAPE) for x in _SHAPE)

BURSTGPT_1 = BurstyRequests(
    kinds=(
        _part(_GPT, 0.8468 * 0.8962, "API log"),
        _part(_GPT, 0.8468 * 0.1038, "Conversation log"),
        _part(_GPT4, 0.1532 * 0.8962, "API log"),
        _part(_GPT4, 0.1532 * 0.1038, "Conversation log"),
    ),
    failed_share=0.0178,
    arrivals=Bursts(
        rate_per_s=0.2713,
        shape=0.5,
        hours=_HOURS,
        wander=Wander(0.9, 3600.0),
        stamp_s=1.0,
    ),
)
"""The whole of BurstGPT_1.csv, 61 days. From the file: 1,429,737 rows in 5,269,968 s, 1.78 % failures, 84.7 % ChatGPT,
89.6 % API, longest request 29,665 and answer 7,315 tokens, whole seconds. Gamma gaps of shape 0.5: the default of the
authors' generator (BurstGPT-Perf); the slices of files 1 and 3 have 1.0 and 0.9 once their wandering is taken out. Assumed, because the file is not to be had
here: the lengths of API requests (as of conversations), independence of model and kind, the hours' shape, the wandering."""

BURSTGPT_1_HEAD = BurstyRequests(
    kinds=(_GPT, _GPT4),
    failed_share=0.0425,
    arrivals=Bursts(0.010706, 0.998, FLAT_DAY, Wander(1.2, 2680.0), 1.0),
)
"""The first 400 rows of BurstGPT_1.csv, the first night and morning, fitted as `BurstyRequests.fit` does. KS distances: input 0.03,
output 0.04, gaps 0.08 over a long run; 400 rows of it stray by up to 0.3 in the gaps, because ten hours hold few swings of the
rate. Not reproduced: the slice's gap CV of 4.56 (about 2.5 here), which one quiet stretch of two hours makes."""

_FIRST = Quantiles.of(
    "0:891 0.5:893 1:894 2:895 5:897 10:905 15:943 20:1092 25:1336 30:1756.6 35:2767.4 40:3913.4 45:4587 "
    "50:5264 55:6187.8 60:7418.2 65:8827.8 70:10771 75:13056 80:15871 85:19437 90:25559 92.5:30511 "
    "95:38494 97:51772 98:67126 99:89868 99.5:1.1163e+05 99.9:1.2116e+05 100:1.262e+05"
)
_NEXT = Quantiles.of(
    "0:892 0.5:941.57 1:1163 2:1327.4 5:1633.8 10:2101.7 15:2664.1 20:3455.4 25:4530.2 30:5501.5 "
    "35:6503.7 40:7506.6 45:8735 50:9873 55:11196 60:12556 65:14315 70:15780 75:17655 80:20219 85:24341 "
    "90:28908 92.5:32301 95:40992 97:52757 98:65839 99:79133 99.5:94868 99.9:1.213e+05 100:1.2319e+05"
)
_MADE = Quantiles.of(
    "0:1 0.5:1 1:3 2:3 5:10 10:24 15:46 20:100 25:156.5 30:213 35:256 40:291 45:322.5 50:350 55:375 "
    "60:399 65:423 70:447 75:472 80:504 85:543 90:597 92.5:639 95:698 97:800.2 98:891.8 99:1118.5 "
    "99.5:1567.6 99.9:2000 100:2000"
)
_REUSE = Quantiles.of(
    "0:0.015385 0.5:0.042365 1:0.058337 2:0.086957 5:0.14286 10:0.28571 15:0.40741 20:0.5 25:0.52381 "
    "30:0.6 35:0.66667 40:0.7 45:0.75 50:0.8 55:0.83333 60:0.86667 65:0.89474 70:0.91667 75:0.93103 "
    "80:0.94444 85:0.95833 90:0.97059 92.5:0.97674 95:0.98276 97:0.99156 98:1 99:1 99.5:1 99.9:1 100:1"
)
_BACK = Quantiles.of(
    "0:5 0.5:35 1:44 2:62 5:99.85 10:141 15:176 20:204 25:229 30:257 35:290 40:324 45:366.65 50:422.5 "
    "55:481 60:550 65:643 70:757 75:901 80:1086.6 85:1315.4 90:1660.6 92.5:1872.7 95:2129.3 97:2565.7 "
    "98:3487.6 99:5104.9 99.5:6685.6 99.9:8869.6 100:10514"
)

MOONCAKE_CONVERSATION = PrefixRequests(
    arrivals=Bursts(3.4012, 0.909, FLAT_DAY, Wander(0.0, 60.0), 3.0),
    continued_share=0.3872,
    back=_BACK,
    first_input_tokens=_FIRST,
    next_input_tokens=_NEXT,
    reuse=replace(_REUSE, values=tuple(value**0.56 for value in _REUSE.values)),
    output_tokens=_MADE,
    correlation=0.0694,
    block_tokens=512,
)
"""conversation_trace.jsonl, 12,031 requests in an hour, stamped every 3 s. Quantiles of the file, but
`reuse` to the power of 0.56, so that an endless prefix cache hits as many blocks as in the file (0.366): as it is, the earlier
request found is at times too short, and the cache hits 0.33."""
