// The emulated runtime: what it shows of code that a GPU would let pass now and then.
#include "kernels/cuda/runtime.h"

#include <algorithm>

#include "kernels/cuda/cuda_list.h"
#include "tests/cuda_emulation/emulator.h"
#include "tests/cuda_emulation/runtime_emulated.h"
#include "tests/kernel_test.h"

namespace maque::test {
namespace {

using cuda::kSuccess;

constexpr int64_t kCount = 300, kBytes = kCount * 4;

/// A stream with an array on the device and one that is pinned.
struct Fixture {
  const cuda::Runtime& api = *maque_cuda_runtime();
  cuda::Stream stream = nullptr;
  float *device = nullptr, *pinned = nullptr;

  Fixture() {
    emulation::reset_runtime();
    void *on_device = nullptr, *on_host = nullptr;
    CHECK_EQ(api.create_stream(&stream), kSuccess);
    CHECK_EQ(api.allocate(kBytes, &on_device), kSuccess);
    CHECK_EQ(api.allocate_pinned(kBytes, &on_host), kSuccess);
    device = static_cast<float*>(on_device), pinned = static_cast<float*>(on_host);
    std::fill(pinned, pinned + kCount, 1.0f);
  }
  ~Fixture() {
    emulation::reset_runtime();
    CHECK_EQ(api.release(device), kSuccess);
    CHECK_EQ(api.release_pinned(pinned), kSuccess);
    CHECK_EQ(api.destroy_stream(stream), kSuccess);
  }
  /// device += device.
  cuda::Code twice() { return api.kernels->add(stream, device, kCount, device); }
};

TEST(work_is_done_when_somebody_waits) {
  Fixture f;
  CHECK(!(f.device[0] == f.device[0]));  // memory is NaN until something is written
  CHECK_EQ(f.api.upload(f.stream, f.device, f.pinned, kBytes), kSuccess);
  CHECK_EQ(f.twice(), kSuccess);
  f.pinned[0] = 7;  // too early: the copy has not happened
  CHECK_EQ(f.api.download(f.stream, f.pinned, f.device, kBytes), kSuccess);
  CHECK(f.pinned[1] == 1);
  CHECK_EQ(f.api.synchronize(f.stream), kSuccess);
  CHECK(f.pinned[0] == 14 && f.pinned[1] == 2);
}

TEST(an_event_is_waited_for_and_no_more) {
  Fixture f;
  cuda::Event event = nullptr;
  CHECK_EQ(f.api.create_event(&event), kSuccess);
  CHECK_EQ(f.api.upload(f.stream, f.device, f.pinned, kBytes), kSuccess);
  CHECK_EQ(f.api.record(event, f.stream), kSuccess);
  CHECK_EQ(f.twice(), kSuccess);
  CHECK_EQ(f.api.wait(event), kSuccess);
  CHECK(f.device[5] == 1);
  CHECK_EQ(f.api.synchronize(f.stream), kSuccess);
  CHECK(f.device[5] == 2);
  CHECK_EQ(f.api.destroy_event(event), kSuccess);
}

TEST(a_graph_is_updated_where_its_shape_is_the_same) {
  Fixture f;
  cuda::Graph graph = nullptr;
  int32_t updated = -1;
  CHECK_EQ(f.api.upload(f.stream, f.device, f.pinned, kBytes), kSuccess);
  const auto capture = [&](int launches) {
    CHECK_EQ(f.api.begin_capture(f.stream), kSuccess);
    for (int i = 0; i < launches; ++i) CHECK_EQ(f.twice(), kSuccess);
    CHECK_EQ(f.api.end_capture(f.stream, &graph, &updated), kSuccess);
  };
  const int launches[] = {2, 2, 3}, same[] = {0, 1, 0};
  for (int i = 0; i < 3; ++i) {
    capture(launches[i]);
    CHECK_EQ(updated, same[i]);
    CHECK_EQ(f.api.launch_graph(graph, f.stream), kSuccess);
  }
  CHECK_EQ(f.api.synchronize(f.stream), kSuccess);
  CHECK(f.device[0] == 128);  // 2 to the 7
  CHECK_EQ(emulation::held().graphs, 1);
  CHECK_EQ(f.api.destroy_graph(graph), kSuccess);
}

/// Waiting, copying and allocating while a stream is captured.
TEST(a_capture_takes_kernels_alone) {
  Fixture f;
  void* more = nullptr;
  cuda::Graph graph = nullptr;
  for (int call = 0; call < 3; ++call) {
    CHECK_EQ(f.api.begin_capture(f.stream), kSuccess);
    if (call == 0) CHECK(f.api.synchronize(f.stream) != kSuccess);
    if (call == 1) CHECK(f.api.upload(f.stream, f.device, f.pinned, kBytes) != kSuccess);
    if (call == 2) CHECK(f.api.allocate(16, &more) != kSuccess);
    CHECK(f.api.end_capture(f.stream, &graph, nullptr) != kSuccess);
    CHECK(graph == nullptr && more == nullptr);
  }
  CHECK_EQ(f.api.synchronize(f.stream), kSuccess);
}

TEST(copies_stay_inside_their_blocks) {
  Fixture f;
  float plain[kCount] = {};
  CHECK(f.api.upload(f.stream, f.device, plain, kBytes) != kSuccess);  // not pinned
  CHECK(f.api.upload(f.stream, f.device, f.pinned, kBytes + 4) != kSuccess);
  CHECK(f.api.upload(f.stream, f.device + 1, f.pinned, kBytes) != kSuccess);
  CHECK(f.api.download(f.stream, f.device, f.pinned, kBytes) != kSuccess);
  CHECK(f.api.release(f.device + 1) != kSuccess);
}

TEST(memory_is_counted) {
  Fixture f;
  int64_t free = 0, all = 0;
  emulation::faults().memory = emulation::held().device_bytes + 1000;
  CHECK_EQ(f.api.memory(&free, &all), kSuccess);
  CHECK_EQ(free, 1000);
  void* data = nullptr;
  CHECK_EQ(f.api.allocate(1001, &data), cuda::kMemoryAllocation);
  CHECK(data == nullptr);
  CHECK_EQ(f.api.allocate(1000, &data), kSuccess);
  CHECK_EQ(f.api.release(data), kSuccess);
}

TEST(a_mistake_stays) {
  Fixture f;
  CHECK_EQ(f.api.upload(f.stream, f.device, f.pinned, kBytes), kSuccess);
  emulation::faults().fail_launch = 1;
  for (int i = 0; i < 3; ++i) CHECK_EQ(f.twice(), kSuccess);  // not seen yet
  CHECK_EQ(f.api.synchronize(f.stream), cuda::kIllegalAddress);
  CHECK(f.device[0] == 2);  // the first launch happened, the third did not
  CHECK_EQ(f.twice(), cuda::kIllegalAddress);
  CHECK_EQ(f.api.use(0), cuda::kIllegalAddress);
  CHECK_EQ(f.api.synchronize(f.stream), cuda::kIllegalAddress);
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
