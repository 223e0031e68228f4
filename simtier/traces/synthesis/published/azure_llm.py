"""Azure LLM inference 2023 (Patel et al., "Splitwise", ISCA 2024; Azure/AzurePublicDataset, CC-BY 4.0).

Lengths and gaps are quantiles of the two complete files: a piecewise log-linear quantile function follows caps and humps
(the input of `code` ends at 7,437; the output of `conv` has humps at 90 and 400), which a log-normal does not.
"""

from __future__ import annotations

from simtier.traces.synthesis.arrivals import Bursts, Gaps
from simtier.traces.synthesis.quantiles import Quantiles
from simtier.traces.synthesis.requests import BurstyRequests, Kind, OnOffRequests
from simtier.traces.synthesis.rhythm import FLAT_DAY, Wander

_CODE_INPUT = Quantiles.of(
    "0:3 0.5:12 1:17 2:35 4:62 6:88 8:109 10:147 12:179 14:209 16:253 18:319 20:385.6 22:468.96 24:539 "
    "26:604 28:698.04 30:770 32:848 34:908.12 36:969.48 38:1027 40:1075 42:1133 44:1204.9 46:1296.3 "
    "48:1377 50:1469 52:1555 54:1641.7 56:1724 58:1823 60:1909 62:2024.2 64:2128 66:2226 68:2329.2 "
    "70:2433 72:2546 74:2670.6 76:2804 78:2975 80:3192.4 82:3450.6 84:3714.1 86:4107 88:4559 90:5187.6 "
    "92:5959.2 94:6584.8 96:7430.3 98:7436 99:7436 99.5:7436 99.9:7437 100:7437"
)
_CODE_OUTPUT = Quantiles.of(
    "0:6 0.5:6 1:6 2:6 4:6 6:6 8:6 10:7 12:7 14:7 16:8 18:8 20:8 22:9 24:9 26:9 28:9 30:9 32:10 34:10 "
    "36:10 38:11 40:11 42:12 44:12 46:12 48:13 50:13 52:13 54:14 56:14 58:15 60:16 62:16 64:17 66:18 "
    "68:19 70:20 72:21 74:23 76:25 78:27 80:29 82:32 84:37 86:42 88:48 90:55 92:65 94:79 96:105 98:170.92 "
    "99:251.46 99.5:359.38 99.9:825.27 100:1899"
)
_CODE_GAPS = Quantiles.of(
    "0:6e-06 0.5:7e-06 1:2.217e-05 2:4.2e-05 5:8.8e-05 10:0.000209 15:0.000885 20:0.001184 25:0.0020772 "
    "30:0.0032922 35:0.0053441 40:0.015104 45:0.038217 50:0.063798 55:0.089557 60:0.09499 65:0.097944 "
    "70:0.10013 75:0.104 80:0.16007 85:0.19883 90:0.27286 92.5:0.30223 95:0.40078 97:0.59744 98:0.79875 "
    "99:2.2051 99.2:2.9279 99.35:3.9374 99.5:9.9783 99.7:28.086 99.8:41.406 99.9:79.233 99.95:132.47 "
    "100:217.17"
)
_CONV_INPUT = Quantiles.of(
    "0:2 0.5:16.825 1:29 2:91 4:181 6:191 8:201 10:207 12:222 14:317 16:375 18:381 20:387 22:392 24:395 "
    "26:398 28:400 30:403 32:406 34:411 36:419 38:433 40:703 42:903 44:971.6 46:994 48:1009 50:1020 "
    "52:1031 54:1041 56:1050 58:1060 60:1071 62:1081 64:1092 66:1102 68:1116 70:1130 72:1147 74:1171 "
    "76:1214.4 78:1311 80:1315 82:1368.3 84:1689.2 86:2032 88:2401.2 90:2734.5 92:4073 94:4079 96:4086 "
    "98:4098 99:4142 99.5:4831 99.9:6179.2 100:14050"
)
_CONV_OUTPUT = Quantiles.of(
    "0:7 0.5:14 1:16 2:24 4:38 6:44 8:49 10:54 12:59 14:64 16:69 18:73 20:77 22:81 24:84 26:86 28:89 "
    "30:91 32:93 34:95 36:97 38:100 40:103 42:107 44:110 46:116 48:122 50:129 52:137 54:145 56:156 58:163 "
    "60:177 62:190 64:216 66:237 68:375 70:384 72:390 74:394 76:396 78:397 80:400 82:404 84:410 86:414 "
    "88:417 90:424 92:429 94:442 96:468 98:540 99:601 99.5:643.17 99.9:954 100:1000"
)

CODE = OnOffRequests(
    kinds=(Kind(1.0, None, None, _CODE_INPUT, _CODE_OUTPUT, -0.0126),),
    failed_share=0.0,
    arrivals=Gaps(_CODE_GAPS, share=0.2, memory=20.0),
)
"""On/off traffic: 0.65 % of the gaps are over 5 s and hold most of the hour. share and memory are set so that the dispersion
of counts in 1, 10 and 60 s is that of the file. As hours see it, on average (file): 2.7 requests/s (2.57), gap CV 12.8 (13.15),
dispersion 11.8 (13.2) at 1 s, 62 (72) at 10 s, 159 (164) at 60 s; KS distance of input 0.01, output 0.02, gaps 0.03. Not
reproduced: single inputs that many requests share."""

CONV = BurstyRequests(
    kinds=(Kind(1.0, None, None, _CONV_INPUT, _CONV_OUTPUT, 0.0139),),
    failed_share=0.0,
    arrivals=Bursts(5.5304, 1.0, FLAT_DAY, Wander(0.27, 600.0), 0.0),
)
"""Poisson on a wandering rate, set so that an hour shows the dispersion of the file's. As hours see it, on average (file): gap CV
1.05 (1.09), dispersion 1.3 (1.39) at 1 s, 3.9 (3.9) at 10 s, 18 (16) at 60 s; KS distance of input 0.02, output 0.01, gaps up
to 0.05. Not reproduced: the rank correlation of input and output, 0.07 in the file and 0.02 here (it is not that of a Gaussian
copula), and that outputs close in time resemble each other (0.1)."""
