"""Where networks run and in which precision."""

import re
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast

import torch
from pydantic import Field
from torch import nn

from videogeneration.validated import validated


@validated
class ComputeSettings:
    """Where networks run, and in which precision they are trained.

    Attributes:
        device: `auto` takes CUDA where there is one, else the CPU; `cpu`; `cuda`; `cuda:1`.
        precision: `auto` takes bfloat16 on CUDA cards that have it, and on a CPU where a 3D
            convolution is measured to be faster in it.
        processes: That train a generator together; torchrun knows better.
    """

    device: str = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    processes: int = Field(1, ge=1)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", self.device):
            raise ValueError(f"device: '{self.device}'; choose auto, cpu, cuda or cuda:1")
        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise ValueError(
                f"device: '{self.device}', but no CUDA device was found; use auto or cpu"
            )

    def inputs(self) -> dict[str, Any]:
        """What weights depend on: how many processes have trained them is no matter."""
        return {"device": self.device, "precision": self.precision}


@dataclass(frozen=True)
class Device:
    """A device and the precision of its matrix products.

    Attributes:
        name: `cpu`, `cuda` or `cuda:1`.
        precision: `float32`, or `bfloat16` under autocast; weights are float32 in both.
    """

    name: str
    precision: str

    @classmethod
    def choose(cls, device: str = "auto", precision: str = "auto") -> "Device":
        """Resolve `auto`, see `ComputeSettings`.

        Raises:
            ValueError: An unknown name, or CUDA is asked for where there is none.
        """
        ComputeSettings(device=device, precision=cast(Any, precision))
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if precision == "auto":
            fast = torch.cuda.is_bf16_supported() if device != "cpu" else _bfloat16_is_faster()
            precision = "bfloat16" if fast else "float32"
        return cls(device, precision)

    def autocast(self, cached: bool = True) -> AbstractContextManager[None]:
        """The context in which a network's forward pass runs.

        Args:
            cached: Whether weights are rounded once for all that is in the context.
        """
        kind, rounded = self.name.split(":")[0], self.precision == "bfloat16"
        return torch.autocast(kind, torch.bfloat16, enabled=rounded, cache_enabled=cached)

    def place(self, module: nn.Module) -> nn.Module:
        """Move a network here, its convolutions' weights in channels-last order."""
        module.to(self.name)
        for parameter in module.parameters():
            if parameter.dim() == 5:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last_3d)
            elif parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        return module


@cache
def _bfloat16_is_faster() -> bool:
    """Time a small 3D convolution both ways, once a process.

    The answer depends on the machine, so a run that must repeat bit for bit elsewhere names its
    precision in the configuration.
    """
    layer = Device("cpu", "float32").place(nn.Conv3d(32, 32, 3, padding=1))
    volume = torch.zeros(8, 32, 4, 32, 32).to(memory_format=torch.channels_last_3d)

    def seconds(rounded: bool, count: int) -> float:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=rounded):
            start = time.perf_counter()
            layer(volume[:count])
            return time.perf_counter() - start

    # a processor that does not know bfloat16 takes a hundred times as long: that is soon seen, but
    # not the first time, in which kernels are prepared
    exact, rounded = (min(seconds(x, 1) for _ in range(2)) for x in (False, True))
    if rounded < 10 * exact:
        times = [(seconds(False, 8), seconds(True, 8)) for _ in range(4)]
        exact, rounded = (min(taken) for taken in zip(*times, strict=True))
    # a clear margin, so that a noisy machine does not choose differently every time
    return rounded < 0.7 * exact
