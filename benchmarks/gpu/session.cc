#include "session.h"

#include <dlfcn.h>
#include <string.h>

#include <algorithm>

#include "core/error.h"
#include "model/cuda/library.h"

namespace maque::gpu {

Session::Session(const std::string& library, const std::string& probes, const std::string& cublaslt, bool dry)
    : library_(library), cublaslt_(cublaslt), dry_(dry) {
  if (cuda::open_library(library.c_str(), &runtime_) != kOk ||
      cuda::check_device(*runtime_, 0, Precision::fp32, &info_) != kOk)
    throw Failed(last_error());
  check(runtime_->use(0), "using the device");
  check(runtime_->create_stream(&stream_), "making a stream");
  void* const handle = dlopen(probes.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) throw Failed(dlerror());
  using Given = const Probes*();
  const auto given = reinterpret_cast<Given*>(dlsym(handle, "maque_gpu_probes"));
  if (given == nullptr) throw Failed(probes + " has no maque_gpu_probes");
  probes_ = given();
  own_ = std::make_unique<cuda::Products>(kernels());
  own_->open({cuda::ProductLibrary::own, nullptr, false}, nullptr);
}

Session::~Session() {
  by_cublaslt_.reset();
  if (runtime_ == nullptr) return;
  for (void* block : memory_) runtime_->release(block);
  if (stream_ != nullptr) runtime_->destroy_stream(stream_);
}

cuda::Products& Session::products(cuda::ProductLibrary library) {
  if (library == cuda::ProductLibrary::own) return *own_;
  if (by_cublaslt_ == nullptr) {
    if (workspace_ == nullptr) workspace_ = zeros<char>(cuda::kProductWorkspaceBytes);
    auto products = std::make_unique<cuda::Products>(kernels());
    const char* const path = cublaslt_.empty() ? nullptr : cublaslt_.c_str();
    if (products->open({cuda::ProductLibrary::cublaslt, path, false}, workspace_) != kOk)
      throw Failed(last_error());
    by_cublaslt_ = std::move(products);
  }
  return *by_cublaslt_;
}

void* Session::upload(const void* bytes, int64_t count) {
  void *device = nullptr, *pinned = nullptr;
  check(runtime_->allocate(std::max(count, int64_t{1}), &device), "allocating memory of the device");
  memory_.push_back(device);
  check(runtime_->allocate_pinned(std::max(count, int64_t{1}), &pinned), "allocating pinned memory");
  memcpy(pinned, bytes, static_cast<size_t>(count));
  const cuda::Code code = runtime_->upload(stream_, device, pinned, count);
  const cuda::Code done = runtime_->synchronize(stream_);
  runtime_->release_pinned(pinned);
  check(code, "copying to the device");
  check(done, "copying to the device");
  return device;
}

void Session::check(cuda::Code code, const char* doing) const {
  if (code == cuda::kSuccess) return;
  throw Failed(std::string(doing) + ": " + runtime_->code_text(code) + " (CUDA code " + std::to_string(code) +
               ")");
}

double Session::seconds(const std::string& name, const std::function<cuda::Code()>& work) {
  const auto run = [&](int64_t times) {
    const double start = now();
    for (int64_t i = 0; i < times; ++i) check(work(), name.c_str());
    wait();
    return (now() - start) / static_cast<double>(times);
  };
  int64_t& times = runs_[name];
  if (dry_) return run(1);
  if (times == 0) {
    run(2);  // plans are made, caches filled
    times = std::clamp<int64_t>(static_cast<int64_t>(0.1 / run(2)), 2, 10000);
  }
  run(1);
  return run(times);
}

std::vector<float> numbers(int64_t n, uint32_t seed) {
  std::vector<float> all(static_cast<size_t>(n));
  uint32_t x = seed * 2654435761u + 1;
  for (float& value : all) {
    x = x * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<int32_t>(x)) * 0x1p-31f;
  }
  return all;
}

std::vector<int32_t> lengths(int64_t texts, int64_t longest) {
  std::vector<int32_t> all(static_cast<size_t>(texts));
  const int64_t shortest = std::max<int64_t>(2, longest / 5);
  uint32_t x = 42;
  for (int32_t& length : all) {
    x = x * 1664525u + 1013904223u;
    length = static_cast<int32_t>(shortest + static_cast<int64_t>(x >> 8) % (longest - shortest + 1));
  }
  return all;
}

}  // namespace maque::gpu
