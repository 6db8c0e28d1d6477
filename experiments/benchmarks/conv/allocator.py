"""Memory that a process keeps: a peer whose every result is fresh from the system is slowed down
by page faults, and it is not those that are to be compared.
"""

import ctypes
import platform

# Parameters of mallopt, from glibc's malloc.h.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, ARENA_MAX = -1, -2, -3, -8
KEPT = (1 << 31) - 1  # bytes, the most that mallopt takes
MARGIN = 64 << 20  # bytes asked for beyond what is needed


def keep_freed_memory() -> str:
    """Tells glibc's malloc to keep what is freed, from now on and for the whole process.

    Returns:
        What became of it, in words.
    """
    if platform.libc_ver()[0] != "glibc":
        return "malloc as it is (no glibc, whose malloc could be told to keep memory)"
    mallopt = ctypes.CDLL(None).mallopt
    # One arena for all threads: those of further threads hold no more than 64 MiB in a piece.
    values = {ARENA_MAX: 1, MMAP_THRESHOLD: KEPT, TRIM_THRESHOLD: KEPT, TOP_PAD: MARGIN}
    if not all([mallopt(parameter, value) for parameter, value in values.items()]):
        return "malloc as it is (glibc refused to keep memory)"
    return "malloc was told to keep freed memory, for all contenders"
