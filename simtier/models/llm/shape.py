"""The arithmetic of a decoder-only transformer: parameters, operations and bytes, from its dimensions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Experts:
    """A mixture of experts in place of the feed-forward block.

    Attributes:
        number: routed experts of a layer.
        active: of these, how many each token goes to.
        width: inner width of one expert.
        shared: experts that every token goes to, besides.
        dense_layers: first layers that have an ordinary feed-forward block.
    """

    number: int
    active: int
    width: int
    shared: int = 0
    dense_layers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmShape:
    """Dimensions of a model.

    Attributes:
        name: its key in the catalogue.
        layers, hidden, vocabulary: as usual.
        heads, kv_heads, head_width: of attention; grouped queries have fewer `kv_heads` than `heads`.
        feed_forward: inner width of the feed-forward block.
        gated: whether that block has three matrices (SwiGLU) or two.
        experts: a mixture of experts in its place; None for none.
        latent: width of what multi-head latent attention keeps of a token and layer in place of keys and values; 0 for none.
        latent_query: width that queries are compressed to in latent attention; 0 for none.
        rope: of a head's width in latent attention, the part that carries positions, kept once for all heads.
        tied: whether input and output embeddings are one matrix.
        context: most tokens of a sequence.
    """

    name: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_width: int
    feed_forward: int
    vocabulary: int
    gated: bool = True
    experts: Experts | None = None
    latent: int = 0
    latent_query: int = 0
    rope: int = 0
    tied: bool = False
    context: int = 4096

    @property
    def attention_parameters(self) -> float:
        """Parameters of the projections of one layer's attention."""
        width = self.heads * self.head_width
        if self.latent:
            # Queries through a bottleneck; keys and values from the latent; positions beside (DeepSeek-V2, section 2.1).
            query = self.hidden * self.latent_query + self.latent_query * self.heads * (self.head_width + self.rope)
            return query + self.hidden * (self.latent + self.rope) + self.latent * 2 * width + width * self.hidden
        return self.hidden * (2 * width + 2 * self.kv_heads * self.head_width)

    def feed_forward_parameters(self, width: int) -> float:
        """Parameters of a feed-forward block of inner width `width`."""
        return (3 if self.gated else 2) * self.hidden * width

    @property
    def embedding_parameters(self) -> float:
        """Parameters of one embedding: tokens in, or logits out."""
        return self.vocabulary * self.hidden

    @property
    def parameters(self) -> float:
        """All parameters but those of norms and biases."""
        return (
            self.layers * self.attention_parameters
            + self._feed_forward(active=False)
            + (1 if self.tied else 2) * self.embedding_parameters
        )

    @property
    def active_parameters(self) -> float:
        """Parameters that count for one token, as publishers count them: both embeddings, and of the experts those it goes to."""
        return (
            self.layers * self.attention_parameters
            + self._feed_forward(active=True)
            + (1 if self.tied else 2) * self.embedding_parameters
        )

    def _feed_forward(self, *, active: bool) -> float:
        dense = self.feed_forward_parameters(self.feed_forward)
        if self.experts is None:
            return self.layers * dense
        used = (self.experts.active if active else self.experts.number) + self.experts.shared
        sparse_layers = self.layers - self.experts.dense_layers
        return self.experts.dense_layers * dense + sparse_layers * used * self.feed_forward_parameters(
            self.experts.width
        )

    def kv_bytes(self, element_bytes: float = 2.0) -> float:
        """Bytes of keys and values of one token, in all layers."""
        of_layer = self.latent + self.rope if self.latent else 2 * self.kv_heads * self.head_width
        return self.layers * of_layer * element_bytes
