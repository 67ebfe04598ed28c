"""Reading a one-hot sentence: a vector for each figure that it may name."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SentenceEncoder(nn.Module):
    """Reads a one-hot sentence into a few vectors, one for each figure it may name.

    Every word is seen with its neighbours and its place; each part is a weighted mean over the
    words. At first each looks at a stretch of its own: parts that begin alike stay alike, and so do
    the figures that are drawn from them. The zero rows after the last word are words too: a part
    that finds nothing to look at rests there.

    Args:
        words: Rows of the one-hot caption.
        vocabulary: Columns of the one-hot caption.
        width: Length of a part's vector.
        parts: Number of vectors.
    """

    def __init__(self, words: int, vocabulary: int, width: int, parts: int) -> None:
        super().__init__()
        self.embed = nn.Conv1d(vocabulary, width, 5, padding=2)
        self.places = nn.Parameter(0.1 * torch.randn(words, width))
        self.focus = nn.Linear(width, parts)
        distance = torch.linspace(0, parts, words)[:, None] - torch.arange(parts) - 0.5
        self.stretch = nn.Parameter(-3 * distance**2)
        # sentences share most of their words: what sets them apart is brought to unit size
        self.norm = nn.BatchNorm1d(parts * width, affine=False)

    def forward(self, caption: Tensor) -> Tensor:
        """One-hot `[B, words, vocabulary]` to vectors `[B, parts, width]`."""
        words = F.silu(self.embed(caption.transpose(1, 2)).transpose(1, 2) + self.places)
        attention = (self.focus(words) + self.stretch).softmax(1)
        means = torch.einsum("bws,bwc->bsc", attention, words)
        return self.norm(means.flatten(1)).view_as(means)
