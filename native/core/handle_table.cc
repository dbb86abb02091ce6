#include "core/handle_table.h"

#include "core/error.h"
#include "core/memory.h"

namespace maque {
namespace {

// State of a slot. Free: no flag. Busy: being filled or emptied by one thread. Open: live. Closing: dead, but
// held.
constexpr uint64_t kBusy = 1u << 29, kOpen = 1u << 30, kClosing = 1u << 31;
constexpr uint64_t kHolders = kBusy - 1;
constexpr uint64_t kFlags = kBusy | kOpen | kClosing;
constexpr int kSlotBits = 24, kGenerationShift = 32;
constexpr uint64_t kSlotMask = (1u << kSlotBits) - 1;

uint64_t load(const uint64_t* state) { return __atomic_load_n(state, __ATOMIC_ACQUIRE); }
bool exchange(uint64_t* state, uint64_t* expected, uint64_t next) {
  return __atomic_compare_exchange_n(state, expected, next, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
uint64_t generation_of(uint64_t word) { return word >> kGenerationShift; }

/// Generations wrap within 31 bits, so that handles are positive, and skip 0, so that no handle is 0.
uint64_t next_generation(uint64_t generation) {
  const uint64_t next = (generation + 1) & 0x7FFFFFFF;
  return next == 0 ? 1 : next;
}

Status bad_handle() {
  return fail(kBadHandle, "the handle is closed, of another kind, or not one of this library");
}

HandleTable table;

}  // namespace

HandleTable& handles() { return table; }

HandleTable::Slot* HandleTable::chunk(int index) {
  Slot* found = __atomic_load_n(&chunks_[index], __ATOMIC_ACQUIRE);
  if (found != nullptr) return found;
  Slot* made = static_cast<Slot*>(allocate(kSlotsPerChunk * static_cast<int64_t>(sizeof(Slot))));
  if (made == nullptr) return nullptr;
  __builtin_memset(static_cast<void*>(made), 0, kSlotsPerChunk * sizeof(Slot));
  if (__atomic_compare_exchange_n(&chunks_[index], &found, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    return made;
  }
  maque::release(made);
  return found;
}

int64_t HandleTable::create(HandleType type, void* object, void (*destroy)(void*)) {
  for (int c = 0; c < kChunks; ++c) {
    Slot* slots = chunk(c);
    if (slots == nullptr) return 0;
    for (int s = 0; s < kSlotsPerChunk; ++s) {
      uint64_t state = load(&slots[s].state);
      const uint64_t generation = next_generation(generation_of(state));
      if ((state & kFlags) != 0 || !exchange(&slots[s].state, &state, generation << kGenerationShift | kBusy))
        continue;
      slots[s].object = object;
      slots[s].destroy = destroy;
      slots[s].type = type;
      __atomic_store_n(&slots[s].state, generation << kGenerationShift | kOpen, __ATOMIC_RELEASE);
      const uint64_t slot = static_cast<uint64_t>(c * kSlotsPerChunk + s);
      return static_cast<int64_t>(generation << kGenerationShift | static_cast<uint64_t>(type) << kSlotBits |
                                  slot);
    }
  }
  return 0;
}

HandleTable::Slot* HandleTable::slot_of(int64_t handle, HandleType type) {
  const uint64_t bits = static_cast<uint64_t>(handle);
  const uint64_t index = bits & kSlotMask;
  if (handle <= 0 || (bits >> kSlotBits & 0xFF) != type || index >= kSlotsPerChunk * kChunks) return nullptr;
  Slot* slots = __atomic_load_n(&chunks_[index / kSlotsPerChunk], __ATOMIC_ACQUIRE);
  return slots == nullptr ? nullptr : &slots[index % kSlotsPerChunk];
}

Status HandleTable::pin(int64_t handle, HandleType type, bool exclusive, void** object) {
  Slot* slot = slot_of(handle, type);
  if (slot == nullptr) return bad_handle();
  uint64_t state = load(&slot->state);
  do {
    if ((state & kOpen) == 0 || generation_of(state) != generation_of(static_cast<uint64_t>(handle)))
      return bad_handle();
    if (exclusive && (state & kHolders) != 0)
      return fail(kBadState, "another thread is inside a call with this handle");
  } while (!exchange(&slot->state, &state, state + 1));
  // Held now, so these fields stand still. A made-up handle can carry a type that the slot's object does not
  // have.
  if (slot->type != type) {
    release(handle);
    return bad_handle();
  }
  *object = slot->object;
  return kOk;
}

Status HandleTable::acquire(int64_t handle, HandleType type, void** object) {
  return pin(handle, type, false, object);
}

Status HandleTable::acquire_exclusive(int64_t handle, HandleType type, void** object) {
  return pin(handle, type, true, object);
}

void HandleTable::release(int64_t handle) {
  const uint64_t index = static_cast<uint64_t>(handle) & kSlotMask;
  Slot* slot = &chunks_[index / kSlotsPerChunk][index % kSlotsPerChunk];
  const uint64_t free_state = generation_of(load(&slot->state)) << kGenerationShift;
  uint64_t state = load(&slot->state), next;
  do {
    const bool last = (state & kHolders) == 1 && (state & kClosing) != 0;
    next = last ? free_state | kBusy : state - 1;
  } while (!exchange(&slot->state, &state, next));
  if ((next & kBusy) == 0) return;
  slot->destroy(slot->object);
  __atomic_store_n(&slot->state, free_state, __ATOMIC_RELEASE);
}

Status HandleTable::close(int64_t handle, HandleType type) {
  void* object;
  const Status status = pin(handle, type, false, &object);
  if (status != kOk) return status;
  Slot* slot = slot_of(handle, type);
  uint64_t state = load(&slot->state);
  do {
    if ((state & kOpen) == 0) {  // another thread closed it while we took hold
      release(handle);
      return bad_handle();
    }
  } while (!exchange(&slot->state, &state, (state & ~kOpen) | kClosing));
  release(handle);
  return kOk;
}

}  // namespace maque
