"""The kernels touch nothing but their arguments: these end at pages that nobody may touch."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ops.native import extension

SOURCES = Path(__file__).parents[3] / "ops/csrc/winograd"
FLAGS = "-std=c++17 -O1 -fno-tree-vectorize -fno-tree-slp-vectorize -ffp-contract=fast -Wno-psabi"
SETS = {  # from wide to narrow, as in CMakeLists.txt but for the level of optimisation
    "avx512": "-mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma -mprefer-vector-width=512",
    "avx2": "-mavx2 -mfma",
    "generic": "",
}


@pytest.fixture(scope="module")
def compiler() -> str:
    """A C++ compiler; without one, tests that build a program of their own are skipped."""
    for name in (os.environ.get("CXX"), "c++", "g++", "clang++"):
        if name and shutil.which(name):
            return name
    pytest.skip("no C++ compiler: set CXX")


@pytest.fixture(scope="module")
def isa() -> str:
    """The widest instruction set that this machine runs; it runs narrower ones as well."""
    native = extension()
    if native is None:
        pytest.skip("the C++ extension is not built")
    return native.winograd_kernels()[0]


def runs(name: str, isa: str) -> bool:
    return list(SETS).index(name) >= list(SETS).index(isa)


@pytest.fixture(scope="module")
def program(compiler: str, isa: str, tmp_path_factory) -> Path:
    """guard_pages with the kernels of every instruction set; those that cannot run are empty."""
    folder = tmp_path_factory.mktemp("guard_pages")
    for name, own in SETS.items():
        flags = f"{FLAGS} {own if runs(name, isa) else ''}".split()
        source, target = SOURCES / f"{name}.cc", folder / f"{name}.o"
        subprocess.run([compiler, *flags, "-c", source, "-o", target], check=True)
    target, main = folder / "guard_pages", Path(__file__).with_name("guard_pages.cc")
    parts = [main, SOURCES / "dispatch.cc", *folder.glob("*.o")]
    flags = ["-std=c++17", "-O1", f"-I{SOURCES}"]
    subprocess.run([compiler, *flags, *parts, "-o", target], check=True)
    return target


def run(program: Path, *arguments: str, isa: str = "generic") -> subprocess.CompletedProcess:
    return subprocess.run(
        [program, *arguments],
        env={**os.environ, "NEUROPIL_ISA": isa},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("name", SETS)
def test_no_kernel_reads_or_writes_beyond_its_arguments(program, isa, name):
    if not runs(name, isa):
        pytest.skip(f"this machine has no {name}")
    done = run(program, isa=name)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.startswith(f"{name}: ")
    counts = re.findall(r"(\d+) (cases|staged|streamed|with windows|dilated)", done.stdout)
    assert len(counts) == 5
    assert all(int(count) > 0 for count, _ in counts)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("before", "which is byte -4 of the 20 of x"),
        ("after", "which is byte 20 of the 20 of x"),
        ("held", "which is byte 0 of the 20 of x"),
        ("margin", "written outside the result"),
    ],
)
def test_who_breaks_a_rule_is_caught(program, rule, words):
    done = run(program, rule)
    assert done.returncode != 0
    assert words in done.stdout


def test_threads_share_work_on_any_pool(compiler, tmp_path):
    target, source = tmp_path / "pool_contract", Path(__file__).with_name("pool_contract.cc")
    flags = ["-std=c++17", "-O1", "-pthread", f"-I{SOURCES}"]
    subprocess.run([compiler, *flags, source, "-o", target], check=True)
    done = subprocess.run([target], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


ALIASED = """
import ctypes, mmap
import jax, jax.numpy as jnp, numpy as np
from ops.winograd import winograd_conv

protect, page, areas = ctypes.CDLL(None).mprotect, mmap.PAGESIZE, []

def guarded(values, at_end):
    size = -(-values.nbytes // page) * page
    area = mmap.mmap(-1, size + 2 * page)
    areas.append(area)
    base = ctypes.addressof(ctypes.c_char.from_buffer(area))
    for edge in (base, base + page + size):
        assert protect(ctypes.c_void_p(edge), ctypes.c_size_t(page), 0) == 0  # for nobody
    first = page + (size - values.nbytes if at_end else 0)
    placed = np.frombuffer(area, np.float32, values.size, first).reshape(values.shape)
    placed[...] = values
    array = jax.dlpack.from_dlpack(placed, copy=False)
    assert array.unsafe_buffer_pointer() == base + first
    return array

rng = np.random.default_rng(0)
draw = lambda *shape: rng.normal(size=shape).astype(np.float32)
values = draw(1, 5, 6, 8, 17), draw(3, 3, 3, 17, 16), draw(16), draw(1, 5, 6, 8, 16)

@jax.jit
def everything(x, w, bias, g):
    y, back = jax.vjp(lambda x, w: winograd_conv(x, w, bias=bias, tile=4), x, w)
    return y, back(g), winograd_conv(x, w, bias=bias)

expected = everything(*map(jnp.asarray, values))
for at_end in (False, True):
    found = everything(*(guarded(v, at_end) for v in values))
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert np.array_equal(a, b)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="places arrays by Linux's mprotect"
)
def test_the_extension_as_installed_reads_nothing_beyond_its_arguments(isa):
    done = subprocess.run([sys.executable, "-c", ALIASED], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
