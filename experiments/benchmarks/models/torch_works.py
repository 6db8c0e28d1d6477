"""What a network does, in PyTorch. To be imported where that is, as `torch_networks`."""

from collections.abc import Sequence

from experiments.benchmarks.conv.jax_works import Work
from experiments.benchmarks.models.cases import POSITIVE_SHARE, Samples, What
from experiments.benchmarks.models.jax_works import LEARNING_RATE, WEIGHT_DECAY
from experiments.benchmarks.models.torch_networks import (
    Tensor,
    functional,
    tensor_of,
    torch,
    torch_network,
)
from models.architecture import Dense
from models.unet3d import UNet3d


def torch_work(network: Dense, what: What, samples: Samples) -> Work:
    """The same as `jax_work`, by a network of PyTorch with a copy of the parameters."""
    rank = 3 if isinstance(network, UNet3d) else 2
    arrays = (samples.images, samples.targets, samples.known)
    images, targets, known = (tensor_of(array, rank) for array in arrays)
    peer = torch_network(network)
    match what:
        case "inference":
            return torch.inference_mode()(lambda: peer(images))
        case "training step":
            return _training(peer, images, targets, known)


def _training(peer, images: Tensor, targets: Tensor, known: Tensor) -> Work:
    optimizer = torch.optim.AdamW(
        peer.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True
    )

    def work() -> Tensor:
        optimizer.zero_grad()
        loss = loss_of(peer(images), targets, known)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return work


def loss_of(logits: Tensor, targets: Tensor, known: Tensor) -> Tensor:
    """The sum of the losses of `models.losses`, for one output."""
    spatial = list(range(1, logits.ndim))
    share = POSITIVE_SHARE
    weight = known * (targets / (2 * share) + (1 - targets) / (2 * (1 - share)))
    entropy = functional.binary_cross_entropy_with_logits(
        logits, targets, weight=weight, reduction="none"
    )
    means = entropy.sum(spatial) / known.sum(spatial).clamp(min=1)
    return means.mean() + _overlap_loss(logits, targets * known, known, spatial)


def _overlap_loss(logits: Tensor, targets: Tensor, known: Tensor, spatial: Sequence[int]) -> Tensor:
    probability = torch.sigmoid(logits) * known
    shared = (probability * targets).sum(spatial)
    total = (probability**2).sum(spatial) + (targets**2).sum(spatial)
    return (1 - (2 * shared + 1) / (total + 1)).mean()
