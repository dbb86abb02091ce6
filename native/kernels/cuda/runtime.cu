// kernels/cuda/runtime.h on the CUDA runtime. Its emulation is tests/cuda_emulation/runtime_emulated.cc.
#include <cuda_runtime_api.h>
#include <string.h>

#include "kernels/cuda/cuda_list.h"
#include "kernels/cuda/runtime.h"

namespace maque::cuda {
namespace {

cudaStream_t stream_of(Stream stream) { return static_cast<cudaStream_t>(stream); }
cudaEvent_t event_of(Event event) { return static_cast<cudaEvent_t>(event); }
cudaGraphExec_t graph_of(Graph graph) { return static_cast<cudaGraphExec_t>(graph); }

const char* code_text(Code code) { return cudaGetErrorString(static_cast<cudaError_t>(code)); }

Code versions(int32_t* driver, int32_t* runtime) {
  const cudaError_t code = cudaDriverGetVersion(driver);
  return code != cudaSuccess ? code : cudaRuntimeGetVersion(runtime);
}

Code device_count(int32_t* count) {
  *count = 0;
  const cudaError_t code = cudaGetDeviceCount(count);
  if (code != cudaSuccess) *count = 0;
  return code == cudaSuccess && *count == 0 ? kNoDevice : code;
}

Code memory(int64_t* free, int64_t* all) {
  size_t free_bytes = 0, all_bytes = 0;
  const cudaError_t code = cudaMemGetInfo(&free_bytes, &all_bytes);
  *free = static_cast<int64_t>(free_bytes);
  *all = static_cast<int64_t>(all_bytes);
  return code;
}

Code device_info(int32_t device, DeviceInfo* info) {
  *info = {};
  cudaDeviceProp properties;
  cudaError_t code = cudaGetDeviceProperties(&properties, device);
  if (code != cudaSuccess) return code;
  static_assert(sizeof info->name == sizeof properties.name, "one size of names");
  memcpy(info->name, properties.name, sizeof info->name);
  info->capability = 10 * properties.major + properties.minor;
  info->multiprocessors = properties.multiProcessorCount;
  code = cudaSetDevice(device);
  return code != cudaSuccess ? code : memory(&info->free_memory, &info->memory);
}

Code use(int32_t device) { return cudaSetDevice(device); }

Code allocate(int64_t bytes, void** data) {
  const cudaError_t code = cudaMalloc(data, static_cast<size_t>(bytes));
  if (code != cudaSuccess) *data = nullptr;
  return code;
}
Code release(void* data) { return cudaFree(data); }

Code allocate_pinned(int64_t bytes, void** data) {
  const cudaError_t code = cudaHostAlloc(data, static_cast<size_t>(bytes), cudaHostAllocDefault);
  if (code != cudaSuccess) *data = nullptr;
  return code;
}
Code release_pinned(void* data) { return cudaFreeHost(data); }

Code create_stream(Stream* stream) {
  cudaStream_t made = nullptr;
  const cudaError_t code = cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking);
  *stream = made;
  return code;
}
Code destroy_stream(Stream stream) { return cudaStreamDestroy(stream_of(stream)); }
Code synchronize(Stream stream) { return cudaStreamSynchronize(stream_of(stream)); }

Code upload(Stream stream, void* device, const void* host, int64_t bytes) {
  return cudaMemcpyAsync(device, host, static_cast<size_t>(bytes), cudaMemcpyHostToDevice, stream_of(stream));
}
Code download(Stream stream, void* host, const void* device, int64_t bytes) {
  return cudaMemcpyAsync(host, device, static_cast<size_t>(bytes), cudaMemcpyDeviceToHost, stream_of(stream));
}
Code create_event(Event* event) {
  cudaEvent_t made = nullptr;
  const cudaError_t code = cudaEventCreateWithFlags(&made, cudaEventDisableTiming | cudaEventBlockingSync);
  *event = made;
  return code;
}
Code destroy_event(Event event) { return cudaEventDestroy(event_of(event)); }
Code record(Event event, Stream stream) { return cudaEventRecord(event_of(event), stream_of(stream)); }
Code wait(Event event) { return cudaEventSynchronize(event_of(event)); }

Code begin_capture(Stream stream) {
  return cudaStreamBeginCapture(stream_of(stream), cudaStreamCaptureModeThreadLocal);
}

/// Brings a graph up to date; false where its shape has changed.
bool update(cudaGraphExec_t graph, cudaGraph_t captured) {
  cudaGraphExecUpdateResultInfo result;
  if (cudaGraphExecUpdate(graph, captured, &result) == cudaSuccess) return true;
  cudaGetLastError();  // told by the answer already
  return false;
}

Code instantiate(cudaGraph_t captured, Graph* graph) {
  cudaGraphExec_t made = nullptr;
  const cudaError_t code = cudaGraphInstantiate(&made, captured, 0);
  if (*graph != nullptr) cudaGraphExecDestroy(graph_of(*graph));
  *graph = code == cudaSuccess ? made : nullptr;
  return code;
}

Code end_capture(Stream stream, Graph* graph, int32_t* updated) {
  cudaGraph_t captured = nullptr;
  cudaError_t code = cudaStreamEndCapture(stream_of(stream), &captured);
  if (code != cudaSuccess) return code;
  const bool same = *graph != nullptr && update(graph_of(*graph), captured);
  if (updated != nullptr) *updated = same ? 1 : 0;
  const Code made = same ? kSuccess : instantiate(captured, graph);
  code = cudaGraphDestroy(captured);
  return made != kSuccess ? made : code;
}

Code launch_graph(Graph graph, Stream stream) { return cudaGraphLaunch(graph_of(graph), stream_of(stream)); }
Code destroy_graph(Graph graph) { return cudaGraphExecDestroy(graph_of(graph)); }

#define MAQUE_ENTRY(name) name,
const Runtime runtime = {kRuntimeVersion, &kCudaKernels, MAQUE_CUDA_RUNTIME(MAQUE_ENTRY)};
#undef MAQUE_ENTRY

}  // namespace
}  // namespace maque::cuda

extern "C" __attribute__((visibility("default"))) const maque::cuda::Runtime* maque_cuda_runtime() {
  return &maque::cuda::runtime;
}
