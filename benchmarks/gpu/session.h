// The device that a run of the benchmark uses: its library, a stream, memory, and the clock.
#pragma once
#include <time.h>

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/cuda/runtime.h"
#include "model/cuda/compute.h"
#include "probes.h"

namespace maque::gpu {

/// Seconds of the wall's clock.
inline double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// What cannot be measured, and why.
struct Failed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Session {
 public:
  /// dry: tiny sizes, one run of each task. cublaslt: see CublasLt::open; "" the system's.
  Session(const std::string& library, const std::string& probes, const std::string& cublaslt, bool dry);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  bool dry() const { return dry_; }
  const cuda::Runtime& runtime() const { return *runtime_; }
  const cuda::CudaKernels& kernels() const { return *runtime_->kernels; }
  const Probes& probes() const { return *probes_; }
  const cuda::DeviceInfo& info() const { return info_; }
  cuda::Stream stream() const { return stream_; }
  const std::string& library() const { return library_; }
  const std::string& cublaslt() const { return cublaslt_; }

  /// Products by one library alone; throws where cuBLASLt is not to be had.
  cuda::Products& products(cuda::ProductLibrary library);

  /// Memory of the device with these bytes in it, kept until the session ends.
  void* upload(const void* bytes, int64_t count);
  template <class T>
  T* upload(const std::vector<T>& values) {
    return static_cast<T*>(upload(values.data(), static_cast<int64_t>(values.size() * sizeof(T))));
  }
  /// Memory with zeros in it.
  template <class T>
  T* zeros(int64_t n) {
    return upload(std::vector<T>(static_cast<size_t>(n)));
  }

  void check(cuda::Code code, const char* doing) const;
  void wait() const { check(runtime_->synchronize(stream_), "waiting for the device"); }

  /// Seconds of one run of `work`, which issues kernels: enough of them for a tenth of a second, after one
  /// that is not counted. Sets what they are counted from once for each name.
  double seconds(const std::string& name, const std::function<cuda::Code()>& work);

 private:
  std::string library_, cublaslt_;
  const cuda::Runtime* runtime_ = nullptr;
  const Probes* probes_ = nullptr;
  cuda::DeviceInfo info_ = {};
  cuda::Stream stream_ = nullptr;
  bool dry_;
  std::vector<void*> memory_;
  std::unique_ptr<cuda::Products> own_, by_cublaslt_;
  void* workspace_ = nullptr;
  std::map<std::string, int64_t> runs_;
};

/// A task by one contender: what a round of it takes, and its work.
struct Round {
  double seconds, work;  // work: floating-point operations, bytes or texts
};
using Task = std::function<Round(Session& session)>;

/// Tasks by "NAME CONTENDER"; kernels.cc, models.cc.
void add_kernel_tasks(std::map<std::string, Task>* tasks, bool dry);
void add_model_tasks(std::map<std::string, Task>* tasks, bool dry);

/// Numbers in [-1, 1), the same in every run.
std::vector<float> numbers(int64_t n, uint32_t seed);
/// Lengths of `texts` texts of at most `longest` tokens, from a fifth of it on, evenly: the same as
/// peer.py's.
std::vector<int32_t> lengths(int64_t texts, int64_t longest);

}  // namespace maque::gpu
