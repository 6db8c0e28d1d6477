// What each file of kernels adds to the module `_native`.

#pragma once

#include <nanobind/nanobind.h>

void bind_codes(nanobind::module_& module);
void bind_contingency(nanobind::module_& module);
void bind_machine_limits(nanobind::module_& module);
void bind_segmentation(nanobind::module_& module);
void bind_winograd(nanobind::module_& module);
