// What a device's trainer answers when something is missing, too small or goes wrong, and what it asks of the
// device in a step that goes well.
#include <limits>

#include "model/cuda/library.h"
#include "tests/cuda/trainer_case.h"

namespace maque::test {
namespace {

const Geometry kGeometry = student_geometry(Kind::sequence, Pooling::max_logits);

/// A trainer on a device without faults, and a batch.
struct Ready {
  Weights<float> weights{kGeometry, 3};
  OwnedBatch<float> batch{kGeometry, {4, 1, 6}, 4};
  cuda::DeviceTrainer trainer;

  Ready() {
    emulation::reset_runtime();
    check_ok(create());
    trainer.step_options() = mixed_step();
  }
  ~Ready() { emulation::reset_runtime(); }

  Status create() {
    return trainer.create(kGeometry, trainer_options(kGeometry, 0), emulated_device(),
                          weights.pointers.data());
  }
  Status step() { return trainer.step(batch.train(), 1e-2, nullptr); }
};

/// Creates a trainer on a device with faults, and expects this.
void refuse(const Geometry& g, const emulation::Faults& faults, Status status, const char* part) {
  emulation::reset_runtime();
  const emulation::Held before = emulation::held();
  emulation::faults() = faults;
  const Weights<float> weights(g, 3);
  {
    cuda::DeviceTrainer t;
    check_fails(t.create(g, trainer_options(g, 0), emulated_device(), weights.pointers.data()), status, part);
  }
  const emulation::Held after = emulation::held();
  CHECK(before.device_blocks == after.device_blocks && before.pinned_blocks == after.pinned_blocks &&
        before.streams == after.streams && before.events == after.events);
  emulation::reset_runtime();
}

/// The emulated device with another compute capability, until the end of a scope.
struct Capability {
  explicit Capability(int32_t value) : before(emulation::device().capability) {
    emulation::device().capability = value;
  }
  ~Capability() { emulation::device().capability = before; }
  int32_t before;
};

TEST(nothing_to_run_on) {
  emulation::Faults faults;
  faults.driver = false;
  refuse(kGeometry, faults, kUnsupported, "no CUDA driver");
  faults = {};
  faults.devices = 0;
  refuse(kGeometry, faults, kUnsupported, "no device");
  cuda::DeviceTrainer t;
  cuda::DeviceOptions second = emulated_device();
  second.number = 1;
  const Weights<float> weights(kGeometry, 3);
  check_fails(t.create(kGeometry, trainer_options(kGeometry, 0), second, weights.pointers.data()),
              kUnsupported, "cuda:1: this machine has cuda:0 .. cuda:0");
}

TEST(a_device_that_is_too_old) {
  Geometry bf16 = kGeometry;
  bf16.precision = Precision::bf16;
  {
    const Capability turing(75);
    refuse(bf16, {}, kUnsupported, "compute capability 7.5: precision = bf16 needs compute capability 8.0");
    Ready fp32;
    check_ok(fp32.step());
  }
  const Capability volta(70);
  refuse(kGeometry, {}, kUnsupported, "compute capability 7.0: the library needs compute capability 7.5");
}

TEST(geometries_that_kernels_do_not_take) {
  Geometry g = bert_geometry(Pooling::cls);
  g.heads = 1, g.hidden = 136;
  refuse(g, {}, kUnsupported, "heads of at most 128 columns");
  g = bert_geometry(Pooling::cls);
  g.precision = Precision::bf16;
  refuse(g, {}, kUnsupported, "multiple of 8");
}

TEST(no_memory_for_the_tensors) {
  emulation::Faults faults;
  faults.memory = 1000;
  refuse(kGeometry, faults, kOutOfMemory, "bytes wanted, 1000 free");
}

/// A batch that does not fit says which would; that one fits, and training goes on.
TEST(no_memory_for_a_batch) {
  Ready r;
  std::vector<int32_t> lengths(80, 12);
  const OwnedBatch<float> large(kGeometry, lengths, 9);
  emulation::faults().memory = emulation::held().device_bytes + (int64_t{1} << 17);
  check_fails(r.trainer.step(large.train(), 1e-2, nullptr), kOutOfMemory,
              "bytes wanted for a batch of 80 texts");
  const std::string said = last_error();
  const size_t at = said.find("first ");
  CHECK(at != std::string::npos);
  const int64_t fit = std::stoll(said.substr(at + 6));
  CHECK(fit > 0 && fit < 80);
  TrainBatch<float> part = large.train();
  part.texts.count = fit;
  check_ok(r.trainer.step(part, 1e-2, nullptr));
  part.texts.count = fit + 1;
  check_fails(r.trainer.step(part, 1e-2, nullptr), kOutOfMemory, "wanted");
  check_ok(r.step());
}

/// A chunk of a forward pass that does not fit is cut in two.
TEST(forward_in_what_memory_there_is) {
  std::vector<int32_t> lengths(60, 12);
  const OwnedBatch<float> large(kGeometry, lengths, 9);
  std::vector<float> whole(180), cut(180);
  int64_t wanted = 0;
  {
    Ready r;
    const int64_t before = emulation::held().device_bytes;
    check_ok(r.trainer.forward(large.texts(), nullptr, whole.data()));
    wanted = emulation::held().device_bytes - before;
  }
  Ready small;
  emulation::faults().memory = emulation::held().device_bytes + wanted / 3;
  check_ok(small.trainer.forward(large.texts(), nullptr, cut.data()));
  CHECK_BITS(cut.data(), whole.data(), 180, "logits");
}

/// Every call after a mistake of the device gives the first; another device's trainer is none of its concern.
TEST(a_mistake_of_the_device_ends_the_trainer) {
  const emulation::Held before = emulation::held();
  for (int64_t launch : {0, 1, 7, 30}) {
    Ready r;
    check_ok(r.step());
    emulation::faults().fail_launch = launch;
    check_fails(r.step(), kBadState, "illegal memory access");
    const std::string first = last_error();
    CHECK(first.find("CUDA code 700") != std::string::npos);
    float x[64];
    for (const Status s :
         {r.step(), r.trainer.gradients(r.batch.train(), nullptr), r.trainer.update(1e-2),
          r.trainer.forward(r.batch.texts(), nullptr, x), r.trainer.start(r.batch.train(), 1e-2),
          r.trainer.finish(nullptr), r.trainer.read_gradient(1, x), r.trainer.write_gradient(1, x)}) {
      check_fails(s, kBadState, first.c_str());
    }
  }
  const emulation::Held after = emulation::held();
  CHECK(before.device_blocks == after.device_blocks && before.pinned_blocks == after.pinned_blocks &&
        before.streams == after.streams && before.events == after.events && before.graphs == after.graphs);
  Ready fresh;
  check_ok(fresh.step());
}

TEST(calls_out_of_order) {
  Ready r;
  check_fails(r.trainer.update(1e-2), kBadState, "update needs the gradients");
  check_fails(r.trainer.finish(nullptr), kBadState, "no step is under way");
  check_ok(r.trainer.start(r.batch.train(), 1e-2));
  check_ok(r.trainer.start(r.batch.train(), 1e-2));
  check_fails(r.trainer.start(r.batch.train(), 1e-2), kBadState, "two steps are under way");
  check_fails(r.trainer.gradients(r.batch.train(), nullptr), kBadState, "has to be finished first");
  check_ok(r.trainer.finish(nullptr));
  check_ok(r.trainer.finish(nullptr));
  float out[9];
  check_fails(r.trainer.trunk(r.batch.texts(), out), kBadState, "no trunk");
}

/// The steps from the first loss that is not finite on leave everything as it was.
TEST(a_loss_that_is_not_finite) {
  Ready r;
  check_ok(r.step());
  const int64_t bias = head_tensor(kGeometry) + 1;
  const TrainTensor<float>& tensor = r.trainer.tensor(bias);
  std::vector<float> good(static_cast<size_t>(tensor.spec.size())), bad(good);
  check_ok(r.trainer.read(tensor.value, tensor.spec.size(), good.data()));
  bad[0] = std::numeric_limits<float>::quiet_NaN();
  check_ok(r.trainer.write(tensor.value, tensor.spec.size(), bad.data()));
  const Snapshot before = Snapshot::of(&r.trainer);
  double report[9];
  check_ok(r.trainer.start(r.batch.train(), 1e-2));
  check_ok(r.trainer.start(r.batch.train(), 1e-2));
  check_fails(r.trainer.finish(report), kNotFinite, "not finite");
  check_fails(r.trainer.finish(report), kNotFinite, "not finite");
  CHECK_EQ(r.trainer.step_options().step, 1);
  check_fails(r.trainer.gradients(r.batch.train(), report), kNotFinite, "not finite");
  check_fails(r.trainer.update(1e-2), kBadState, "update needs");
  const Snapshot after = Snapshot::of(&r.trainer);
  for (size_t i = 0; i < before.arrays.size(); ++i) {
    if (i != static_cast<size_t>(3 * bias))
      CHECK_BITS(after.arrays[i].data(), before.arrays[i].data(),
                 static_cast<int64_t>(before.arrays[i].size()), before.names[i].c_str());
  }
  check_ok(r.trainer.write(tensor.value, tensor.spec.size(), good.data()));
  r.trainer.value_written();
  check_ok(r.step());
  CHECK_EQ(r.trainer.step_options().step, 2);
}

/// A step allocates nothing once a batch as large has been seen, starts without waiting, and is one upload,
/// one graph and one report.
TEST(a_step_allocates_nothing_and_waits_for_nothing) {
  Ready r;
  const OwnedBatch<float> other(kGeometry, {3, 6, 2}, 5);
  check_ok(r.step());
  check_ok(r.step());
  check_ok(r.step());
  const emulation::ApiCounts before = emulation::api_counts();
  check_ok(r.trainer.start(r.batch.train(), 1e-2));
  check_ok(r.trainer.start(other.train(), 1e-2));
  const emulation::ApiCounts started = emulation::api_counts();
  CHECK_EQ(started.allocations, before.allocations);
  CHECK_EQ(started.waits, before.waits);
  CHECK_EQ(started.launches, before.launches);  // noted in the graph, not run
  CHECK_EQ(started.uploads, before.uploads + 2);
  CHECK_EQ(started.downloads, before.downloads + 2);
  CHECK_EQ(started.graph_launches, before.graph_launches + 2);
  CHECK_EQ(started.graphs_updated, before.graphs_updated + 2);
  CHECK_EQ(started.graphs_made, before.graphs_made);
  check_ok(r.trainer.finish(nullptr));
  check_ok(r.trainer.finish(nullptr));
  const emulation::ApiCounts finished = emulation::api_counts();
  CHECK_EQ(finished.waits, before.waits + 2);
  CHECK_EQ(finished.allocations, before.allocations);
  CHECK(finished.launches > before.launches);
}

TEST(libraries_that_are_none) {
  const cuda::Runtime* runtime = nullptr;
  char text[100];
  check_fails(cuda::open_library("/nowhere/libmaque_cuda.so", &runtime), kUnsupported,
              "/nowhere/libmaque_cuda.so");
  check_fails(cuda::open_library("libm.so.6", &runtime), kUnsupported, "libm.so.6 is not libmaque_cuda");
  check_fails(cuda::describe_devices("/nowhere", text, 100), kUnsupported, "cannot be opened");
  check_fails(cuda::describe_devices(nullptr, nullptr, 100), kInvalidArgument, "out is null");
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
