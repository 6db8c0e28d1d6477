import numpy as np
from jaxtyping import Int64, Shaped, UInt64

def instruction_set() -> str: ...
def count_pairs(
    truth: Shaped[np.ndarray, " voxels"], prediction: Shaped[np.ndarray, " voxels"]
) -> tuple[
    UInt64[np.ndarray, " pairs"], UInt64[np.ndarray, " pairs"], Int64[np.ndarray, " pairs"]
]: ...
