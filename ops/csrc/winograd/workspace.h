// Scratch memory that is kept between calls: fresh pages cost more than the work done
// in them. Blocks are aligned to 2 MiB and ask for huge pages where there are any.

#pragma once

#include <cstddef>

namespace neuropil {

class Workspace {
 public:
  explicit Workspace(size_t floats);  // throws std::bad_alloc
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  float* data() const { return data_; }

 private:
  float* data_;
  size_t bytes_;
};

// Asks for huge pages in a large result that nothing was written to yet.
void prefer_huge_pages(void* data, size_t bytes);

}  // namespace neuropil
