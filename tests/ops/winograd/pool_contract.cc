// What parallel_for promises, with pools that promise little. Whatever locks up here never
// ends: whoever runs this sets a limit.

#include "pool.h"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <new>
#include <vector>

using neuropil::parallel_for;

namespace {

void expect(bool holds, const char* what) {
  if (!holds) std::printf("not so: %s\n", what), std::exit(1);
}

// Threads that take tasks in order; it claims to have as many as it is told to.
class Threads : public neuropil::Pool {
 public:
  Threads(int real, int claimed) : claimed_(claimed) {
    for (int i = 0; i < real; ++i) threads_.emplace_back([this] { serve(); });
  }
  ~Threads() override {
    for (size_t i = 0; i < threads_.size(); ++i) schedule(nullptr);
    for (auto& thread : threads_) thread.join();
  }
  int threads() const override { return claimed_; }
  void schedule(std::function<void()> task) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks_.push_back(std::move(task));
    changed_.notify_one();
  }

 private:
  void serve() {
    while (true) {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return !tasks_.empty(); });
      const auto task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      if (!task) return;
      task();
    }
  }
  int claimed_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
};

// Keeps its tasks, and runs them when it is told to.
class Later : public neuropil::Pool {
 public:
  int threads() const override { return 4; }
  void schedule(std::function<void()> task) override { tasks_.push_back(std::move(task)); }
  size_t waiting() const { return tasks_.size(); }
  void run() {
    for (const auto& task : tasks_) task();
  }

 private:
  std::vector<std::function<void()>> tasks_;
};

void wait_for(const std::atomic<int>& value, int wanted) {
  while (value.load() < wanted) std::this_thread::yield();
}

void workers_differ_and_all_items_are_done_at_the_return() {
  Threads pool(2, 3);
  for (int repeat = 0; repeat < 200; ++repeat) {
    std::atomic<int> inside{0}, done{0};
    int worker_of[3] = {};
    parallel_for(pool, 3, [&](int worker, int64_t item) {
      worker_of[item] = worker;
      ++inside;
      wait_for(inside, 3);  // all three at once, so on three threads
      for (int i = 0; worker > 0 && i < 100; ++i) std::this_thread::yield();
      ++done;
    });
    expect(done == 3, "the caller waits for helpers that have begun");
    std::sort(worker_of, worker_of + 3);
    for (int i = 0; i < 3; ++i) expect(worker_of[i] == i, "workers are numbered from 0 and differ");
  }
}

void every_item_is_done_once() {
  Threads pool(3, 4);
  for (const int64_t items : {0, 1, 2, 3, 4, 5, 100, 1001}) {
    std::vector<std::atomic<int>> times(items);
    parallel_for(pool, items, [&](int worker, int64_t item) {
      expect(worker >= 0 && worker < 4, "workers are below the number of threads");
      ++times[item];
    });
    for (const auto& count : times) expect(count == 1, "every item is done once");
  }
}

void a_pool_that_runs_nothing_in_time_is_not_waited_for() {
  Later pool;
  int done = 0;
  bool over = false;
  parallel_for(pool, 50, [&](int, int64_t) {
    expect(!over, "no work after the return");
    ++done;
  });
  over = true;
  expect(pool.waiting() == 3, "there are as many helpers as threads beside the caller's");
  pool.run();
  expect(done == 50, "the caller does alone what nobody helps with");
}

void what_is_thrown_reaches_the_caller_once_nobody_works_any_more() {
  Threads pool(2, 3);
  for (int thrower = 0; thrower < 3; ++thrower) {
    std::atomic<int> inside{0}, done{0};
    bool caught = false;
    try {
      parallel_for(pool, 3, [&](int worker, int64_t) {
        ++inside;
        wait_for(inside, 3);
        if (worker == thrower) throw std::bad_alloc();
        for (int i = 0; i < 100; ++i) std::this_thread::yield();
        ++done;
      });
    } catch (const std::bad_alloc&) {
      caught = true;
    }
    expect(caught, "what a worker throws reaches the caller");
    expect(done == 2, "the others have ended before");
  }
}

void calls_nest_on_a_pool_of_one_thread() {
  Threads pool(1, 3);
  std::atomic<int> done{0}, outer{0};
  for (int i = 0; i < 4; ++i) {
    pool.schedule([&] {
      parallel_for(pool, 3, [&](int, int64_t) {
        parallel_for(pool, 5, [&](int, int64_t) {
          parallel_for(pool, 7, [&](int, int64_t) { ++done; });
        });
      });
      ++outer;
    });
  }
  wait_for(outer, 4);
  expect(done == 4 * 3 * 5 * 7, "nested calls do all their items");
}

void callers_share_a_pool_of_one_thread() {
  Threads pool(1, 4);
  std::atomic<int> done{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 5; ++i) {
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 100; ++repeat) {
        parallel_for(pool, 6, [&](int, int64_t) { ++done; });
      }
    });
  }
  for (auto& caller : callers) caller.join();
  expect(done == 5 * 100 * 6, "concurrent calls do all their items");
}

}  // namespace

int main() {
  workers_differ_and_all_items_are_done_at_the_return();
  every_item_is_done_once();
  a_pool_that_runs_nothing_in_time_is_not_waited_for();
  what_is_thrown_reaches_the_caller_once_nobody_works_any_more();
  calls_nest_on_a_pool_of_one_thread();
  callers_share_a_pool_of_one_thread();
}
