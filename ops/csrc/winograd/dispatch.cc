#include "dispatch.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>

namespace neuropil {
namespace {

const Kernels* runnable(const Kernels* kernels) {
  if (kernels == nullptr) return nullptr;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const std::string name = kernels->name;
  if (name == "avx512" && !(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))) {
    return nullptr;
  }
  if (name == "avx2" && !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))) {
    return nullptr;
  }
#endif
  return kernels;
}

const Kernels& choose() {
  const Kernels* const all[] = {runnable(avx512_kernels()), runnable(avx2_kernels()),
                                runnable(generic_kernels())};
  const char* wanted = std::getenv("NEUROPIL_ISA");
  for (const Kernels* kernels : all) {
    if (kernels != nullptr && (wanted == nullptr || std::string(kernels->name) == wanted)) {
      return *kernels;
    }
  }
  throw std::invalid_argument(std::string("NEUROPIL_ISA=") + wanted +
                              " is not built or does not run on this CPU; needs avx512, avx2 or "
                              "generic");
}

int64_t cache_bytes(int level, int64_t guess) {
  for (int index = 0; index < 8; ++index) {
    const std::string folder =
        "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    int found = 0;
    std::string type, size;
    std::ifstream(folder + "level") >> found;
    std::ifstream(folder + "type") >> type;
    std::ifstream(folder + "size") >> size;
    if (found != level || type == "Instruction" || size.empty()) continue;
    const int64_t unit = size.back() == 'M' ? 1 << 20 : 1 << 10;
    return std::atoll(size.c_str()) * unit;
  }
  return guess;
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

const Caches& caches() {
  static const Caches found = [] {
    const int64_t l2 = std::clamp<int64_t>(cache_bytes(2, 1 << 20), 1 << 18, 1 << 22);
    return Caches{l2, std::max(4 * l2, cache_bytes(3, 8 << 20))};
  }();
  return found;
}

}  // namespace neuropil
