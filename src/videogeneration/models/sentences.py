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


class SentenceLookup(nn.Module):
    """Every place of a picture looks up the figure that it shows, and what is said of it.

    Attention over the sentence's parts (Xu et al., "AttnGAN: Fine-Grained Text to Image Generation
    with Attentional Generative Adversarial Networks", CVPR 2018).

    Args:
        words: Rows of the one-hot caption.
        vocabulary: Columns of the one-hot caption.
        figures: Number of figures that a sentence may name.
        channels: Channels of the picture's features.
        embedding: Length of the vectors that are looked up.
        width: Length of keys and queries.
    """

    def __init__(
        self,
        words: int,
        vocabulary: int,
        figures: int,
        channels: int,
        embedding: int,
        width: int = 64,
    ) -> None:
        super().__init__()
        self.encoder = SentenceEncoder(words, vocabulary, width, figures)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, embedding)
        self.query = nn.Conv2d(channels, width, 1)

    def forward(self, features: Tensor, caption: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Look up.

        Args:
            features: `[B, C, h, w]`.
            caption: One-hot `[B, words, vocabulary]`.

        Returns:
            What is said of each figure, `[B, figures, embedding]`; how much of each a place shows,
            `[B, figures, h, w]`, shares that sum to one; and how well every picture of the batch
            fits every sentence of it, `[B, B]`: for every part the places that suit it, summed.
        """
        parts = self.encoder(caption)
        key, query = self.key(parts), self.query(features) / parts.shape[-1] ** 0.5
        match = torch.einsum("spc,bchw->bsphw", key, query).float()
        attention = match.diagonal().movedim(-1, 0).softmax(1)
        return self.value(parts), attention, match.flatten(3).logsumexp(3).sum(2)
