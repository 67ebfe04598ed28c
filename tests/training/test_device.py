"""Device and precision from the configuration."""

import pytest
import torch
from torch import nn

from videogeneration.training.device import Device


def test_auto_takes_what_there_is() -> None:
    device = Device.choose()
    assert device.name == ("cuda" if torch.cuda.is_available() else "cpu")
    assert device.precision in ("float32", "bfloat16")
    assert Device.choose() == device


def test_what_is_asked_for_is_taken() -> None:
    assert Device.choose("cpu", "float32") == Device("cpu", "float32")
    assert Device.choose("cpu", "bfloat16") == Device("cpu", "bfloat16")


@pytest.mark.parametrize(
    ("device", "precision", "named"),
    [
        ("gpu", "auto", "^device: 'gpu'.*auto, cpu, cuda"),
        ("cuda:x", "auto", "^device: 'cuda:x'.*auto, cpu, cuda"),
        # as all settings say it
        ("cpu", "float16", "^precision: 'float16' should be 'auto', 'float32' or 'bfloat16'$"),
    ],
)
def test_unknown_names_are_refused(device: str, precision: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Device.choose(device, precision)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_where_there_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"device: 'cuda:1'.*use auto or cpu"):
        Device.choose("cuda:1")


@pytest.mark.parametrize(
    ("precision", "kind"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_autocast_decides_the_type_of_products(precision: str, kind: torch.dtype) -> None:
    layer = nn.Linear(4, 4)
    with Device("cpu", precision).autocast():
        assert layer(torch.zeros(1, 4)).dtype == kind
    assert layer.weight.dtype == torch.float32


def test_place_lays_weights_out_channels_last_and_keeps_their_values() -> None:
    volume, plane = nn.Conv3d(3, 4, 3), nn.Conv2d(8, 4, 3)
    network = nn.Sequential(volume, nn.Flatten(1, 2), plane)
    before = [parameter.clone() for parameter in network.parameters()]
    Device("cpu", "float32").place(network)
    assert volume.weight.is_contiguous(memory_format=torch.channels_last_3d)
    assert plane.weight.is_contiguous(memory_format=torch.channels_last)
    for old, new in zip(before, network.parameters(), strict=True):
        assert torch.equal(old, new)
