/* Loads the library that a JVM would load and uses it through its JNI entry points, without a JVM: a stand-in for JNIEnv
 * hands the arrays over as they are. Makes a bag of n-grams, predicts, reads an error. Built with any C library's compiler.
 *   load LIBRARY    prints "ok ISA", or what went wrong */
#include <dlfcn.h>
#include <jni.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void* library;

static void* entry(const char* name) {
  char symbol[128];
  snprintf(symbol, sizeof symbol, "Java_maque_runtime_MaqueNative_%s", name);
  void* found = dlsym(library, symbol);
  if (found == NULL) printf("no symbol %s\n", symbol);
  return found;
}

static jbyte* bytes(JNIEnv* env, jbyteArray array, jboolean* copied) { return (jbyte*)array; }
static jint* ints(JNIEnv* env, jintArray array, jboolean* copied) { return (jint*)array; }
static jlong* longs(JNIEnv* env, jlongArray array, jboolean* copied) { return (jlong*)array; }
static jfloat* floats(JNIEnv* env, jfloatArray array, jboolean* copied) { return (jfloat*)array; }
static void* any(JNIEnv* env, jarray array, jboolean* copied) { return array; }
static void give_bytes(JNIEnv* env, jbyteArray array, jbyte* elements, jint mode) {}
static void give_ints(JNIEnv* env, jintArray array, jint* elements, jint mode) {}
static void give_longs(JNIEnv* env, jlongArray array, jlong* elements, jint mode) {}
static void give_floats(JNIEnv* env, jfloatArray array, jfloat* elements, jint mode) {}
static void give_any(JNIEnv* env, jarray array, void* elements, jint mode) {}

static const struct JNINativeInterface_ functions = {
    .GetByteArrayElements = bytes,           .ReleaseByteArrayElements = give_bytes,
    .GetIntArrayElements = ints,             .ReleaseIntArrayElements = give_ints,
    .GetLongArrayElements = longs,           .ReleaseLongArrayElements = give_longs,
    .GetFloatArrayElements = floats,         .ReleaseFloatArrayElements = give_floats,
    .GetPrimitiveArrayCritical = any,        .ReleasePrimitiveArrayCritical = give_any,
};
static JNIEnv environment = &functions;

typedef jint (*Text)(JNIEnv*, jclass, void*, jlong);
typedef jint (*Array)(JNIEnv*, jclass, void*);
typedef jint (*Option)(JNIEnv*, jclass, jlong, const char*, const char*);
typedef jint (*AddTensor)(JNIEnv*, jclass, jlong, const char*, const char*, jint, const jlong*, jlong, jlong);
typedef jint (*Build)(JNIEnv*, jclass, jlong, jlong*);
typedef jint (*Free)(JNIEnv*, jclass, jlong);
typedef jint (*Predict)(JNIEnv*, jclass, jlong, const jint*, jlong, const jint*, jint, const jint*, const jint*, jlong,
                        const jint*, jfloat*, jlong);

static int check(int ok, const char* what) {
  if (!ok) {
    char message[512] = "";
    ((Text)entry("lastError"))(&environment, NULL, message, sizeof message);
    printf("%s failed: %s\n", what, message);
  }
  return ok;
}

static int add(jlong builder, const char* name, jint rank, jlong rows, jlong columns, const float* data) {
  const jlong dims[] = {rows, columns};
  const jlong size = sizeof(float) * rows * (rank == 2 ? columns : 1);
  return check(((AddTensor)entry("builderTensor"))(&environment, NULL, builder, name, "F32", rank, dims,
                                                   (jlong)(intptr_t)data, size) == 0,
               name);
}

/* Logits of a text with the buckets 1 and 3: W mean(rows 1 and 3) + b, exact in floats. */
static int predicts(void) {
  static const char* const options[][2] = {
      {"kind", "bag"}, {"num_labels", "2"}, {"head", ""}, {"ngram_buckets", "4"}, {"ngram_width", "2"}};
  static const float table[] = {9, 9, 1, 2, 9, 9, 3, -4}, weight[] = {1, 2, -1, 4}, bias[] = {0.5f, -0.5f};
  static const jint bag[] = {1, 3}, offsets[] = {0, 2};
  jlong builder = 0, model = 0;
  float logits[2] = {0, 0};
  if (!check(((Array)entry("builderNew"))(&environment, NULL, &builder) == 0, "builderNew")) return 0;
  for (int i = 0; i < 5; ++i) {
    if (!check(((Option)entry("builderOption"))(&environment, NULL, builder, options[i][0], options[i][1]) == 0,
               options[i][0]))
      return 0;
  }
  if (!add(builder, "ngrams.weight", 2, 4, 2, table) || !add(builder, "head.0.weight", 2, 2, 2, weight) ||
      !add(builder, "head.0.bias", 1, 2, 0, bias))
    return 0;
  if (!check(((Build)entry("builderBuild"))(&environment, NULL, builder, &model) == 0, "builderBuild")) return 0;
  for (int critical = 0; critical < 2; ++critical) {
    const Predict predict = (Predict)entry(critical ? "predictShort" : "predict");
    if (!check(predict(&environment, NULL, model, NULL, 0, NULL, 1, NULL, bag, 2, offsets, logits, 2) == 0, "predict"))
      return 0;
    /* The mean is (2, -1). */
    if (logits[0] != 0.5f || logits[1] != -6.5f) {
      printf("logits %g %g, expected 0.5 -6.5\n", logits[0], logits[1]);
      return 0;
    }
  }
  return check(((Free)entry("builderFree"))(&environment, NULL, builder) == 0, "builderFree") &&
         check(((Free)entry("modelFree"))(&environment, NULL, model) == 0, "modelFree");
}

/* An error leaves its message to this thread. */
static int tells_errors(void) {
  char message[512] = "";
  const jint code = ((Free)entry("modelFree"))(&environment, NULL, 12345);
  ((Text)entry("lastError"))(&environment, NULL, message, sizeof message);
  if (code == 0 || message[0] == 0) printf("a foreign handle: code %d, message \"%s\"\n", code, message);
  return code != 0 && message[0] != 0;
}

int main(int count, char** arguments) {
  char isa[32] = "";
  library = count < 2 ? NULL : dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    printf("dlopen: %s\n", count < 2 ? "no library named" : dlerror());
    return 1;
  }
  if (!predicts() || !tells_errors() || ((Text)entry("isa"))(&environment, NULL, isa, sizeof isa) != 0) return 1;
  printf("ok %s\n", isa);
  return 0;
}
