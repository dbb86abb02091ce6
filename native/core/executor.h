// How a piece of work is spread: over nothing (inference: the caller's thread) or over a pool (training).
#pragma once
#include "core/types.h"

namespace maque {

/// Runs unit(context, i, worker) for i in [0, units), each once; worker in [0, workers) names the calling
/// thread's scratch. Units are cut by the work alone, never by the number of workers, and write disjoint
/// outputs. A function pointer and not a virtual class: the inference library links without the C++ runtime.
struct Executor {
  using Unit = void (*)(void* context, int64_t i, int32_t worker);
  void (*run)(void* self, int64_t units, Unit unit, void* context);
  void* self;
  int32_t workers;

  /// f(i, worker) for every unit.
  template <class F>
  void parallel_for(int64_t units, const F& f) const {
    run(
        self, units,
        [](void* context, int64_t i, int32_t worker) { (*static_cast<const F*>(context))(i, worker); },
        const_cast<F*>(&f));
  }
};

/// Runs every unit on the caller's thread.
inline Executor serial_executor() {
  return {[](void*, int64_t units, Executor::Unit unit, void* context) {
            for (int64_t i = 0; i < units; ++i) unit(context, i, 0);
          },
          nullptr, 1};
}

}  // namespace maque
