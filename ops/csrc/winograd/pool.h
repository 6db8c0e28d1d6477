// Work shared among threads of a pool that promises nothing: a task may start late,
// or never while the caller is busy. The caller works too and waits only for helpers
// that have begun, so that nested and concurrent calls cannot lock each other out.

#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <thread>

namespace neuropil {

class Pool {
 public:
  virtual ~Pool() = default;
  virtual int threads() const = 0;
  virtual void schedule(std::function<void()> task) = 0;
};

// Calls work(worker, item) for every item; `worker` is below pool.threads() and no two
// calls at a time have the same. Which worker gets an item is not determined. What one of
// them throws is thrown to the caller, once all are done.
inline void parallel_for(Pool& pool, int64_t items,
                         const std::function<void(int, int64_t)>& work) {
  struct Share {
    std::atomic<int64_t> next{0};
    std::atomic<int> workers{1};
    std::atomic<int64_t> open{0};  // twice the helpers inside; odd once closed
    std::atomic<bool> failed{false};
    std::exception_ptr error;
  };
  const auto share = std::make_shared<Share>();
  const auto* job = &work;
  const auto run = [job, items](Share& s, int worker) {
    try {
      for (int64_t item; (item = s.next.fetch_add(1)) < items;) (*job)(worker, item);
    } catch (...) {
      if (!s.failed.exchange(true)) s.error = std::current_exception();
      s.next = items;
    }
  };
  const int64_t helpers = std::min<int64_t>(pool.threads(), items) - 1;
  for (int64_t i = 0; i < helpers; ++i) {
    pool.schedule([share, run] {
      if (share->open.fetch_add(2) % 2 == 0) run(*share, share->workers.fetch_add(1));
      share->open.fetch_sub(2);
    });
  }
  run(*share, 0);
  share->open.fetch_add(1);
  while (share->open.load() > 1) std::this_thread::yield();
  if (share->error) std::rethrow_exception(share->error);
}

}  // namespace neuropil
