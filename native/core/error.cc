#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

namespace maque {
namespace {

constexpr size_t kMessageBytes = 512;
// __thread and not thread_local: zero-initialised, so it needs nothing of the C++ runtime.
__thread char message[kMessageBytes];

/// This thread's message. Not inlined: older glibc may change vector registers when it finds the address,
/// which callers of a function expect and inlined code would not.
__attribute__((noinline)) char* own_message() { return message; }

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

Status fail(Status code, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(own_message(), kMessageBytes, format, arguments);
  va_end(arguments);
  return code;
}

const char* last_error() { return own_message(); }

Status copy_text(const char* text, char* out, int64_t capacity) {
  if (out == nullptr || capacity < 1) return fail(kInvalidArgument, "text needs a buffer of at least 1 byte");
  size_t length = strlen(text);
  if (length > static_cast<size_t>(capacity) - 1) {
    length = static_cast<size_t>(capacity) - 1;
    while (length > 0 && continues_character(text[length])) --length;
  }
  memcpy(out, text, length);
  out[length] = 0;
  return kOk;
}

}  // namespace maque
