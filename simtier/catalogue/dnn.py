"""The networks that scenarios name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

from simtier.catalogue.networks.mobilenet import mobilenet_v2
from simtier.catalogue.networks.resnet import resnet18, resnet50
from simtier.catalogue.networks.vgg import vgg16
from simtier.catalogue.networks.vit import vit_b_16
from simtier.catalogue.networks.yolo import yolov8n
from simtier.errors import CatalogueError, did_you_mean
from simtier.models.dnn import Dnn

_BUILDERS: Mapping[str, Callable[[], Dnn]] = MappingProxyType(
    {
        "resnet18": resnet18,
        "resnet50": resnet50,
        "vgg16": vgg16,
        "mobilenet_v2": mobilenet_v2,
        "yolov8n": yolov8n,
        "vit_b_16": vit_b_16,
    }
)


def dnns() -> tuple[str, ...]:
    """Return the names `dnn` knows."""
    return tuple(_BUILDERS)


@lru_cache
def dnn(name: str) -> Dnn:
    """Return the network called `name`, traced once; raises CatalogueError for an unknown name."""
    if name not in _BUILDERS:
        raise CatalogueError(f"unknown network {name!r}{did_you_mean(name, _BUILDERS)}")
    return _BUILDERS[name]()
