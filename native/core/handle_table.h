// Handles that cross the ABI: 64-bit numbers that name an object without being its address, so that closed,
// foreign and made-up ones are told apart from live ones. Lock-free; a closed object is destroyed by whoever
// leaves it last.
#pragma once
#include "core/types.h"

namespace maque {

/// What a handle names; never 0.
using HandleType = uint8_t;

/// handle = generation (31 bits) | type (8 bits) | slot (24 bits). A slot's generation grows with each object
/// in it.
class HandleTable {
 public:
  /// A handle of `object`, which the table owns from now on: `destroy(object)` runs once it is closed and
  /// unused. 0 where memory or slots (65,536) run out; the object then still belongs to the caller.
  int64_t create(HandleType type, void* object, void (*destroy)(void*));

  /// Pins the object until `release(handle)`. kBadHandle where the handle is not a live one of that type.
  Status acquire(int64_t handle, HandleType type, void** object);
  /// As acquire, but kBadState where anyone else holds the object; nobody else can acquire it this way
  /// meanwhile.
  Status acquire_exclusive(int64_t handle, HandleType type, void** object);
  void release(int64_t handle);

  /// The handle is dead from now on. Destroys the object, at once or when the last holder releases it.
  Status close(int64_t handle, HandleType type);

 private:
  // One word says all: generation in the high half; below it one of the flags, and the number of holders.
  struct Slot {
    uint64_t state;
    void* object;
    void (*destroy)(void*);
    HandleType type;
  };
  static constexpr int kSlotsPerChunk = 256, kChunks = 256;

  Slot* slot_of(int64_t handle, HandleType type);
  Slot* chunk(int index);
  Status pin(int64_t handle, HandleType type, bool exclusive, void** object);

  Slot* chunks_[kChunks];
};

/// The table of this library; zero-initialised, so it is ready before anything runs.
HandleTable& handles();

/// Holds an object of type T (T::kHandleType) for the length of a call.
template <class T>
class Pinned {
 public:
  Pinned() = default;
  ~Pinned() {
    if (object_ != nullptr) handles().release(handle_);
  }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

  Status acquire(int64_t handle) { return set(handle, &HandleTable::acquire); }
  Status acquire_exclusive(int64_t handle) { return set(handle, &HandleTable::acquire_exclusive); }

  T* operator->() { return object_; }
  T& operator*() { return *object_; }

 private:
  Status set(int64_t handle, Status (HandleTable::*how)(int64_t, HandleType, void**)) {
    void* object = nullptr;
    const Status status = (handles().*how)(handle, T::kHandleType, &object);
    if (status == kOk) {
      object_ = static_cast<T*>(object);
      handle_ = handle;
    }
    return status;
  }

  T* object_ = nullptr;
  int64_t handle_ = 0;
};

}  // namespace maque
