// The type of an operation on a GPU that has the CPU's arguments.
#pragma once
#include "kernels/cuda/launch.h"

namespace maque::cuda {

template <class F>
struct OnDevice;
template <class... A>
struct OnDevice<void(A...)> {
  using type = Code(Stream, A...);
};
/// void(args...) becomes Code(Stream, args...).
template <class F>
using on_device = typename OnDevice<F>::type;

}  // namespace maque::cuda
