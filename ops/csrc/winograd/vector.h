// Vectors of one instruction set. A file that includes this is compiled once for
// each set, with the matching -m flags, in a namespace of its own: templates and
// inline functions of two sets must never be taken for one another by the linker.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(NEUROPIL_AVX512) || defined(NEUROPIL_AVX2)
#include <immintrin.h>
#endif

#if defined(NEUROPIL_AVX512)
#define NEUROPIL_ISA avx512
#define NEUROPIL_LANES 16
#elif defined(NEUROPIL_AVX2)
#define NEUROPIL_ISA avx2
#define NEUROPIL_LANES 8
#else
#define NEUROPIL_ISA generic
#define NEUROPIL_LANES 4
#endif

#define NEUROPIL_UNROLL _Pragma("GCC unroll 24")

namespace neuropil {
namespace NEUROPIL_ISA {

constexpr int kLanes = NEUROPIL_LANES;
constexpr int kPanel = 2 * kLanes;  // output channels of a micro-kernel: two vectors

typedef float Vec __attribute__((vector_size(4 * kLanes)));
typedef float UnalignedVec __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));

static inline Vec load(const float* from) { return *reinterpret_cast<const UnalignedVec*>(from); }
static inline void store(float* to, Vec v) { *reinterpret_cast<UnalignedVec*>(to) = v; }
static inline Vec broadcast(float v) {
#if NEUROPIL_LANES == 16
  return Vec{v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v};
#elif NEUROPIL_LANES == 8
  return Vec{v, v, v, v, v, v, v, v};
#else
  return Vec{v, v, v, v};
#endif
}

// Keeps a value in a register: the compiler otherwise reads memory anew for every use,
// and loads, not arithmetic, then bound the transforms.
static inline void keep(Vec& v) {
#if NEUROPIL_LANES == 16
  asm("" : "+v"(v));
#elif NEUROPIL_LANES == 8
  asm("" : "+x"(v));
#else
  (void)v;
#endif
}

// Stores past the caches, to an address aligned to the vector: for results that would only
// push out what is still needed. `end_stream` makes them visible to other threads.
static inline void stream(float* to, Vec v) {
#if NEUROPIL_LANES == 16
  _mm512_stream_ps(to, (__m512)v);
#elif NEUROPIL_LANES == 8
  _mm256_stream_ps(to, (__m256)v);
#else
  store(to, v);
#endif
}
static inline void end_stream() {
#if NEUROPIL_LANES >= 8
  _mm_sfence();
#endif
}

static inline Vec load_some(const float* from, int count) {
  Vec v{};
  std::memcpy(&v, from, sizeof(float) * count);
  return v;
}
static inline void store_some(float* to, Vec v, int count) {
  std::memcpy(to, &v, sizeof(float) * count);
}

}  // namespace NEUROPIL_ISA
}  // namespace neuropil
