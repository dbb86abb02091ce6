// Compiler attributes used across the native code.
#pragma once

/// Functions in headers that objects of several instruction sets include: inlined always, so that no copy
/// compiled for one set can be linked into another.
#define MAQUE_INLINE inline __attribute__((always_inline))

/// The same for a lambda: [&](...) MAQUE_INLINE_LAMBDA { ... }.
#define MAQUE_INLINE_LAMBDA __attribute__((always_inline))
