#include "tests/cuda_emulation/runtime_emulated.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "kernels/cuda/cuda_list.h"
#include "kernels/cuda/runtime.h"
#include "tests/cuda_emulation/emulator.h"

namespace maque::emulation {
namespace {

using cuda::Code;
using cuda::kSuccess;

constexpr Code kStreamCaptureUnsupported = 900, kStreamCaptureInvalidated = 901;

/// One piece of a stream's work.
struct Work {
  const void* kernel;
  std::function<Code()> run;
};

struct EmulatedStream {
  std::deque<Work> queue;
  bool capturing = false, broken = false;
  std::vector<Work> captured;
};
struct EmulatedEvent {
  EmulatedStream* stream = nullptr;
  bool happened = true;
};
struct EmulatedGraph {
  std::vector<Work> work;
};

int64_t from_environment(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoll(text, nullptr, 10);
}

Faults environment_faults() {
  Faults f;
  f.devices = static_cast<int32_t>(from_environment("MAQUE_EMULATED_DEVICES", f.devices));
  f.driver = from_environment("MAQUE_EMULATED_DRIVER", 1) != 0;
  f.memory = from_environment("MAQUE_EMULATED_MEMORY", f.memory);
  f.fail_launch = from_environment("MAQUE_EMULATED_FAIL_LAUNCH", f.fail_launch);
  const int64_t capability = from_environment("MAQUE_EMULATED_CAPABILITY", device().capability);
  device().capability = static_cast<int32_t>(capability);
  return f;
}

struct State {
  std::recursive_mutex mutex;
  Faults faults = environment_faults();
  ApiCounts counts = {};
  Code error = kSuccess;
  std::map<const char*, int64_t> device, pinned;  // blocks and their bytes
  int64_t device_bytes = 0;
  std::set<EmulatedStream*> streams;
  int64_t events = 0, graphs = 0;
};
State& state() {
  static State s;
  return s;
}

using Lock = std::lock_guard<std::recursive_mutex>;

EmulatedStream* stream_of(cuda::Stream stream) { return static_cast<EmulatedStream*>(stream); }

/// What keeps every call from doing anything: no driver, no device, a mistake of an earlier one.
Code trouble() {
  const State& s = state();
  if (!s.faults.driver) return cuda::kInsufficientDriver;
  if (s.faults.devices < 1) return cuda::kNoDevice;
  return s.error;
}

/// Calls that a stream's capture does not take break it.
Code not_while_capturing() {
  bool capturing = false;
  for (EmulatedStream* s : state().streams) {
    capturing = capturing || s->capturing;
    s->broken = s->broken || s->capturing;
  }
  return capturing ? kStreamCaptureUnsupported : kSuccess;
}

Code begin_call() {
  const Code code = trouble();
  return code != kSuccess ? code : not_while_capturing();
}

Code launch_now(const Work& work) {
  State& s = state();
  if (s.error != kSuccess) return s.error;
  if (work.kernel != nullptr) ++s.counts.launches;
  const bool fails = work.kernel != nullptr && s.faults.fail_launch >= 0 && s.faults.fail_launch-- == 0;
  const Code code = fails ? cuda::kIllegalAddress : work.run();
  if (code != kSuccess) {
    s.error = code;
    if (!fails) std::fprintf(stderr, "emulated device: code %d: %s\n", code, mistake().c_str());
  }
  return s.error;
}

/// Works a stream off until `done`.
template <class Done>
Code drain(EmulatedStream* stream, const Done& done) {
  while (!stream->queue.empty() && !done()) {
    const Work work = std::move(stream->queue.front());
    stream->queue.pop_front();
    if (launch_now(work) != kSuccess) stream->queue.clear();
  }
  return state().error;
}

Code drain_all(EmulatedStream* stream) {
  return drain(stream, [] { return false; });
}

/// Whether [data, data + bytes) lies in one of the blocks.
bool lies_in(const std::map<const char*, int64_t>& blocks, const void* data, int64_t bytes) {
  const char* begin = static_cast<const char*>(data);
  auto after = blocks.upper_bound(begin);
  if (after == blocks.begin()) return false;
  const auto& block = *--after;
  return bytes >= 0 && begin + bytes <= block.first + block.second;
}

char* new_block(std::map<const char*, int64_t>* blocks, int64_t bytes) {
  const auto whole = static_cast<size_t>((bytes + 255) / 256 * 256);
  char* block = static_cast<char*>(std::aligned_alloc(256, whole));
  std::memset(block, 0xFF, whole);
  (*blocks)[block] = bytes;
  return block;
}

/// -1 where there is no such block.
int64_t drop_block(std::map<const char*, int64_t>* blocks, void* data) {
  const auto found = blocks->find(static_cast<const char*>(data));
  if (found == blocks->end()) return -1;
  const int64_t bytes = found->second;
  blocks->erase(found);
  std::free(data);
  return bytes;
}

const char* code_text(Code code) {
  if (code == cuda::kMemoryAllocation) return "out of memory";
  if (code == cuda::kNoDevice) return "no CUDA-capable device is detected";
  if (code == cuda::kInsufficientDriver)
    return "CUDA driver version is insufficient for CUDA runtime version";
  if (code == cuda::kIllegalAddress) return "an illegal memory access was encountered";
  return "unspecified error (emulated)";
}

Code versions(int32_t* driver, int32_t* runtime) {
  *driver = state().faults.driver ? 13000 : 0;
  *runtime = 13000;
  return kSuccess;
}

Code device_count(int32_t* count) {
  *count = 0;
  if (!state().faults.driver) return cuda::kInsufficientDriver;
  if (state().faults.devices < 1) return cuda::kNoDevice;
  *count = state().faults.devices;
  return kSuccess;
}

Code memory(int64_t* free, int64_t* all) {
  Lock lock(state().mutex);
  *all = state().faults.memory;
  *free = *all > state().device_bytes ? *all - state().device_bytes : 0;
  return trouble();
}

Code use(int32_t number) {
  if (const Code code = trouble()) return code;
  return number >= 0 && number < state().faults.devices ? kSuccess : cuda::kInvalidDevice;
}

Code device_info(int32_t number, cuda::DeviceInfo* info) {
  *info = {};
  if (const Code code = use(number)) return code;
  std::snprintf(info->name, sizeof info->name, "emulated device");
  info->capability = device().capability;
  info->multiprocessors = device().multiprocessors;
  return memory(&info->free_memory, &info->memory);
}

Code allocate(int64_t bytes, void** data) {
  Lock lock(state().mutex);
  State& s = state();
  *data = nullptr;
  if (const Code code = begin_call()) return code;
  if (s.device_bytes + bytes > s.faults.memory) return cuda::kMemoryAllocation;
  ++s.counts.allocations;
  s.device_bytes += bytes;
  *data = new_block(&s.device, bytes);
  return kSuccess;
}

Code release(void* data) {
  Lock lock(state().mutex);
  if (data == nullptr) return trouble();
  for (EmulatedStream* stream : state().streams) drain_all(stream);  // as cudaFree waits
  const int64_t bytes = drop_block(&state().device, data);
  if (bytes < 0) return cuda::kInvalidValue;
  state().device_bytes -= bytes;
  return trouble();
}

Code allocate_pinned(int64_t bytes, void** data) {
  Lock lock(state().mutex);
  *data = nullptr;
  if (const Code code = begin_call()) return code;
  ++state().counts.allocations;
  *data = new_block(&state().pinned, bytes);
  return kSuccess;
}

Code release_pinned(void* data) {
  Lock lock(state().mutex);
  if (data == nullptr) return trouble();
  for (EmulatedStream* stream : state().streams) drain_all(stream);
  return drop_block(&state().pinned, data) < 0 ? cuda::kInvalidValue : trouble();
}

Code create_stream(cuda::Stream* stream) {
  Lock lock(state().mutex);
  *stream = nullptr;
  if (const Code code = begin_call()) return code;
  auto* made = new EmulatedStream;
  state().streams.insert(made);
  *stream = made;
  return kSuccess;
}

Code destroy_stream(cuda::Stream stream) {
  Lock lock(state().mutex);
  if (state().streams.count(stream_of(stream)) == 0) return cuda::kInvalidValue;
  drain_all(stream_of(stream));
  state().streams.erase(stream_of(stream));
  delete stream_of(stream);
  return trouble();
}

Code synchronize(cuda::Stream stream) {
  Lock lock(state().mutex);
  if (const Code code = begin_call()) return code;
  ++state().counts.waits;
  return drain_all(stream_of(stream));
}

Code copy(cuda::Stream stream, void* to, const void* from, int64_t bytes, int64_t* count) {
  if (const Code code = begin_call()) return code;
  ++*count;
  return enqueue(stream, nullptr, [to, from, bytes] {
    std::memcpy(to, from, static_cast<size_t>(bytes));
    return kSuccess;
  });
}

Code upload(cuda::Stream stream, void* to, const void* from, int64_t bytes) {
  Lock lock(state().mutex);
  State& s = state();
  if (!lies_in(s.device, to, bytes) || !lies_in(s.pinned, from, bytes)) return cuda::kInvalidValue;
  return copy(stream, to, from, bytes, &s.counts.uploads);
}

Code download(cuda::Stream stream, void* to, const void* from, int64_t bytes) {
  Lock lock(state().mutex);
  State& s = state();
  if (!lies_in(s.pinned, to, bytes) || !lies_in(s.device, from, bytes)) return cuda::kInvalidValue;
  return copy(stream, to, from, bytes, &s.counts.downloads);
}

Code create_event(cuda::Event* event) {
  Lock lock(state().mutex);
  *event = nullptr;
  if (const Code code = begin_call()) return code;
  ++state().events;
  *event = new EmulatedEvent;
  return kSuccess;
}

Code destroy_event(cuda::Event event) {
  Lock lock(state().mutex);
  --state().events;
  delete static_cast<EmulatedEvent*>(event);
  return trouble();
}

Code record(cuda::Event event, cuda::Stream stream) {
  Lock lock(state().mutex);
  if (const Code code = begin_call()) return code;
  auto* e = static_cast<EmulatedEvent*>(event);
  e->stream = stream_of(stream);
  e->happened = false;
  return enqueue(stream, nullptr, [e] {
    e->happened = true;
    return kSuccess;
  });
}

Code wait(cuda::Event event) {
  Lock lock(state().mutex);
  if (const Code code = begin_call()) return code;
  ++state().counts.waits;
  auto* e = static_cast<EmulatedEvent*>(event);
  return e->happened ? kSuccess : drain(e->stream, [e] { return e->happened; });
}

Code begin_capture(cuda::Stream stream) {
  Lock lock(state().mutex);
  if (const Code code = begin_call()) return code;
  EmulatedStream* s = stream_of(stream);
  s->capturing = true, s->broken = false;
  s->captured.clear();
  return kSuccess;
}

bool same_shape(const std::vector<Work>& a, const std::vector<Work>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].kernel != b[i].kernel) return false;
  }
  return true;
}

Code end_capture(cuda::Stream stream, cuda::Graph* graph, int32_t* updated) {
  Lock lock(state().mutex);
  EmulatedStream* s = stream_of(stream);
  if (const Code code = trouble()) return code;
  if (!s->capturing) return cuda::kInvalidValue;
  s->capturing = false;
  if (s->broken) return kStreamCaptureInvalidated;
  auto* before = static_cast<EmulatedGraph*>(*graph);
  const bool same = before != nullptr && same_shape(before->work, s->captured);
  if (updated != nullptr) *updated = same ? 1 : 0;
  ++(same ? state().counts.graphs_updated : state().counts.graphs_made);
  if (!same) {
    state().graphs += before == nullptr ? 1 : 0;
    delete before;
    *graph = before = new EmulatedGraph;
  }
  before->work = std::move(s->captured);
  s->captured.clear();
  return kSuccess;
}

Code launch_graph(cuda::Graph graph, cuda::Stream stream) {
  Lock lock(state().mutex);
  if (const Code code = begin_call()) return code;
  ++state().counts.graph_launches;
  for (const Work& work : static_cast<EmulatedGraph*>(graph)->work) stream_of(stream)->queue.push_back(work);
  return kSuccess;
}

Code destroy_graph(cuda::Graph graph) {
  Lock lock(state().mutex);
  --state().graphs;
  delete static_cast<EmulatedGraph*>(graph);
  return trouble();
}

#define MAQUE_ENTRY(name) name,
const cuda::Runtime runtime = {cuda::kRuntimeVersion, &cuda::kCudaKernels, MAQUE_CUDA_RUNTIME(MAQUE_ENTRY)};
#undef MAQUE_ENTRY

}  // namespace

Faults& faults() { return state().faults; }
const ApiCounts& api_counts() { return state().counts; }

Held held() {
  const State& s = state();
  return {s.device_bytes,
          static_cast<int64_t>(s.device.size()),
          static_cast<int64_t>(s.pinned.size()),
          static_cast<int64_t>(s.streams.size()),
          s.events,
          s.graphs};
}

void reset_runtime() {
  state().faults = {};
  state().counts = {};
  state().error = kSuccess;
}

Code enqueue(cuda::Stream stream, const void* kernel, std::function<Code()> work) {
  Lock lock(state().mutex);
  if (const Code code = trouble()) return code;
  EmulatedStream* s = stream_of(stream);
  if (s->capturing) {
    s->captured.push_back({kernel, std::move(work)});
  } else {
    s->queue.push_back({kernel, std::move(work)});
  }
  return kSuccess;
}

}  // namespace maque::emulation

extern "C" __attribute__((visibility("default"))) const maque::cuda::Runtime* maque_cuda_runtime() {
  return &maque::emulation::runtime;
}
