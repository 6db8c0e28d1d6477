// Floats between two pages that cannot be touched, and scratch memory of the kernels made of
// them.

#pragma once

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "workspace.h"

// Right after the first page, one float farther on, or right before the second page.
enum class Flush { begin, shifted, end };

// What is left between the floats and the pages holds a NaN like no other; so do the floats
// until they are written, so that nobody can count on zeros.
class Guarded {
 public:
  Guarded(std::string name, size_t floats, Flush flush) : name_(std::move(name)), floats_(floats) {
    const size_t inner = (sizeof(float) * (floats + 1) + kPage - 1) / kPage * kPage;
    bytes_ = inner + 2 * kPage;
    void* const map = mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) std::perror("mmap"), std::abort();
    base_ = static_cast<char*>(map);
    first_ = reinterpret_cast<uint32_t*>(base_ + kPage);
    last_ = first_ + inner / sizeof(float);
    allow(PROT_READ | PROT_WRITE);
    std::fill(first_, last_, kNan);
    data_ = flush == Flush::end ? last_ - floats : first_ + (flush == Flush::shifted);
    live().insert(this);
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() {
    live().erase(this);
    munmap(base_, bytes_);
  }

  float* data() const { return reinterpret_cast<float*>(data_); }
  size_t floats() const { return floats_; }

  // Takes the values; who writes to them from now on faults.
  void hold(const std::vector<float>& values) {
    std::copy_n(values.data(), floats_, data());
    allow(PROT_READ);
  }
  bool margins_untouched() const {
    const auto untouched = [](uint32_t value) { return value == kNan; };
    return std::all_of(first_, data_, untouched) &&
           std::all_of(data_ + floats_, last_, untouched);
  }

  // From now on a fault says where it was, and during what, and ends with exit status 2.
  static void report_faults(std::string (*during)()) {
    describe() = during;
    struct sigaction action = {};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = [](int, siginfo_t* info, void*) {
      // Faults come from the program itself, not from the middle of printf.
      std::printf("fault at %p: %s\n", info->si_addr, describe()().c_str());
      for (const Guarded* one : live()) one->report(static_cast<char*>(info->si_addr));
      std::fflush(stdout);
      _exit(2);
    };
    sigaction(SIGSEGV, &action, nullptr);
    sigaction(SIGBUS, &action, nullptr);
  }

 private:
  static constexpr size_t kPage = 1 << 16;  // as large as pages get
  static constexpr uint32_t kNan = 0x7fc5ca1e;

  void allow(int protection) {
    if (mprotect(first_, (last_ - first_) * sizeof(float), protection) == 0) return;
    std::perror("mprotect"), std::abort();
  }
  void report(const char* at) const {
    if (at < base_ || at >= base_ + bytes_) return;
    std::printf("which is byte %td of the %zu of %s\n", at - reinterpret_cast<char*>(data_),
                sizeof(float) * floats_, name_.c_str());
  }
  static std::set<const Guarded*>& live() {
    static std::set<const Guarded*> all;
    return all;
  }
  static std::string (*&describe())() {
    static std::string (*during)() = nullptr;
    return during;
  }

  std::string name_;
  size_t floats_, bytes_;
  char* base_;
  uint32_t *first_, *last_, *data_;
};

// In the place of workspace.cc: blocks no longer than asked for (but for the rest of a cache
// line), and as full of rubbish as those that were used before.
namespace neuropil {

inline std::map<float*, std::unique_ptr<Guarded>>& blocks() {
  static std::map<float*, std::unique_ptr<Guarded>> all;
  return all;
}

Workspace::Workspace(size_t floats) : bytes_((floats + 15) / 16 * 16 * sizeof(float)) {
  auto block = std::make_unique<Guarded>("scratch", bytes_ / sizeof(float), Flush::end);
  data_ = block->data();
  blocks()[data_] = std::move(block);
}

Workspace::~Workspace() { blocks().erase(data_); }

}  // namespace neuropil
