// The one call that the bindings need from JNI itself; everything else that they call is the C ABI.
#pragma once
#include <jni.h>

/// Address of a direct buffer's first byte (its position does not count); 0 for a heap buffer and for null.
inline jlong maque_buffer_address(JNIEnv* env, jclass, jobject buffer) {
  if (buffer == nullptr) return 0;
  return static_cast<jlong>(reinterpret_cast<intptr_t>(env->GetDirectBufferAddress(buffer)));
}
