// What this CPU can do: the kernels choose their instruction set by it, and a
// run's record names it. Kernels join this module as they are written.

#include <nanobind/nanobind.h>

#include "module.h"

namespace nb = nanobind;

namespace {

const char* instruction_set() {
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    return "avx512";
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "avx2";
  return "x86-64";
#elif defined(__aarch64__)
  return "neon";
#else
  return "generic";
#endif
}

}  // namespace

NB_MODULE(_native, module) {
  module.def("instruction_set", &instruction_set,
             "Widest vector instruction set that this CPU runs and our kernels know: "
             "avx512, avx2, x86-64, neon or generic.");
  bind_codes(module);
  bind_contingency(module);
  bind_machine_limits(module);
  bind_segmentation(module);
  bind_winograd(module);
}
