// The message of the last failure on each thread; codes are those of core/types.h.
#pragma once
#include "core/types.h"

namespace maque {

/// Formats the message of this thread's last failure (as printf; cut at 511 bytes) and returns `code`:
///   return fail(kBadModel, "tensor %s: %lld elements expected", name, n);
Status fail(Status code, const char* format, ...) __attribute__((format(printf, 2, 3)));

/// The message of the last failure on this thread, "" where there was none. Valid until the next failure on
/// it.
const char* last_error();

/// Copies `text` and its NUL, cut at `capacity` bytes; the last byte written is always NUL. A cut never
/// leaves part of a UTF-8 character. kInvalidArgument where `out` is null or capacity < 1.
Status copy_text(const char* text, char* out, int64_t capacity);

}  // namespace maque
