// Compiler attributes used across the native code.
#pragma once

/// What nvcc compiles for the host and for the device both.
#ifdef __CUDACC__
#  define MAQUE_HOST_DEVICE __host__ __device__
#else
#  define MAQUE_HOST_DEVICE
#endif

/// Functions in headers that objects of several instruction sets include: inlined always, so that no copy
/// compiled for one set can be linked into another.
#define MAQUE_INLINE MAQUE_HOST_DEVICE inline __attribute__((always_inline))

/// The same for a lambda: [&](...) MAQUE_INLINE_LAMBDA { ... }.
#define MAQUE_INLINE_LAMBDA __attribute__((always_inline))
