#include "workspace.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace neuropil {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kKept = size_t{1} << 30;  // bytes kept for later, at most

std::mutex mutex;
std::multimap<size_t, void*> idle;
size_t idle_bytes = 0;

bool opted_out() {
  static const bool out = std::getenv("NEUROPIL_NO_HUGE_PAGES") != nullptr;
  return out;
}

void advise(void* data, size_t bytes) {
#if defined(__linux__)
  if (!opted_out()) madvise(data, bytes, MADV_HUGEPAGE);
#else
  (void)data, (void)bytes;
#endif
}

}  // namespace

Workspace::Workspace(size_t floats) {
  bytes_ = (floats * sizeof(float) + kHugePage - 1) / kHugePage * kHugePage;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    const auto found = idle.lower_bound(bytes_);
    if (found != idle.end() && found->first <= 2 * bytes_) {
      bytes_ = found->first;
      data_ = static_cast<float*>(found->second);
      idle_bytes -= bytes_;
      idle.erase(found);
      return;
    }
  }
  data_ = static_cast<float*>(std::aligned_alloc(kHugePage, bytes_));
  if (data_ == nullptr) throw std::bad_alloc();
  advise(data_, bytes_);
}

Workspace::~Workspace() {
  {
    const std::lock_guard<std::mutex> lock(mutex);
    if (idle_bytes + bytes_ <= kKept) {
      idle.emplace(bytes_, data_);
      idle_bytes += bytes_;
      return;
    }
  }
  std::free(data_);
}

void prefer_huge_pages(void* data, size_t bytes) {
  if (bytes < 4 * kHugePage) return;
  const size_t begin = (reinterpret_cast<size_t>(data) + kHugePage - 1) / kHugePage * kHugePage;
  const size_t end = (reinterpret_cast<size_t>(data) + bytes) / kHugePage * kHugePage;
  if (begin < end) advise(reinterpret_cast<void*>(begin), end - begin);
}

}  // namespace neuropil
