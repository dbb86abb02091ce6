// Runs kernels written against kernels/cuda/device.h on the CPU, each thread of a block as a fiber, and finds
// the mistakes that a GPU passes over in silence or answers with a wrong result now and then:
//   - a barrier that not all threads of the block reach, or reach in different places;
//   - a warp's shuffle, vote or product in which a named lane does not take part, with masks that differ, or
//   that reads
//     a lane which is not named;
//   - shared memory: out of bounds, read before it was written (it is full of NaN besides), or two threads at
//   one
//     element, one of them writing, without a barrier (or, inside a warp, sync_warp) between them;
//   - a copy_async whose data is touched before wait_async, misaligned, or left in flight at the end;
//   - a barrier between blocks in a grid that is not cooperative, or of which not all arrive; more blocks
//   than the
//     device holds at once;
//   - more shared memory taken than the launch gives.
// Which thread runs next is drawn by a seed, so that what depends on the order differs from seed to seed.
// Blocks of a plain grid run one after another, in an order drawn too; those of a cooperative grid are all
// alive at once.
//
// A mistake ends the launch (kLaunchFailure) and is told with the kernel's name, thread, block and line. Not
// thread- safe: one launch at a time. "Device memory" is the host's, guarded by what guards that
// (AddressSanitizer; arrays with guards).
#pragma once
#include <string>

#include "kernels/cuda/launch.h"

namespace maque::emulation {

/// The emulated device.
struct Device {
  int32_t capability = 90;
  int32_t multiprocessors = 8;
  int32_t threads_per_multiprocessor = 2048;
  int32_t blocks_per_multiprocessor = 32;
  int64_t shared_per_multiprocessor = 228 * 1024;
  int64_t shared_per_block = 227 * 1024;
};
Device& device();

/// Blocks of that size that it holds at once.
int64_t resident_blocks(uint32_t threads, int64_t shared_bytes);

/// Seed of the order of threads and blocks for the launches that follow.
void set_seed(uint64_t seed);

/// The mistake that ended the last launch; empty if it went well.
const std::string& mistake();

/// Launches so far, and blocks and switches of threads in them.
struct Counts {
  int64_t launches, blocks, switches;
};
const Counts& counts();

/// What a launch answers at once, before it runs: whether its sizes are possible.
cuda::Code check(const cuda::Launch& launch);

/// Calls body(args) as every thread of every block.
cuda::Code run(const cuda::Launch& launch, void (*body)(const void* args), const void* args);

// --- what device_emulated.h calls inside a thread
// -------------------------------------------------------------------

/// A place in the source.
struct Place {
  const char* file;
  int line;
};

/// The running thread.
struct Identity {
  int32_t thread, threads, block_x, block_y, block_z, blocks_x;
};
const Identity& self();

/// Ends the launch: never returns into the thread.
[[noreturn]] void fail(std::string what, Place place);

/// Lets other threads go on first.
void yield();
/// The block's shared memory, unchecked.
unsigned char* shared_memory();

/// Waits for all threads of the block.
void barrier(Place place);
/// Waits until *arrivals >= target.
void wait_for_arrivals(uint32_t* arrivals, uint32_t target, Place place);
uint32_t add(uint32_t* x, uint32_t by);

/// Waits for all lanes of mask at this very call; then `combine` has run once on what all of them gave (null
/// for lanes outside the mask).
using Combine = void (*)(void* const* payloads, uint32_t mask, Place place);
void warp_call(const char* what, uint32_t mask, void* payload, Combine combine, Place place);
/// After sync_warp the lanes see each other's writes.
void order_warp(Place place);

/// Cuts n bytes off the block's shared memory, for this thread's n-th call of it; returns their offset.
int64_t take_shared(int64_t bytes, Place place);
/// Bytes [offset, offset + bytes) of the block's shared memory, after checking that they may be read or
/// written.
const void* read_shared(int64_t offset, int64_t bytes, Place place);
void* write_shared(int64_t offset, int64_t bytes, Place place);

/// A copy of the thread's open group; a group is closed and waited for as on the device.
void start_copy(int64_t offset, const void* from, int32_t valid, Place place);
void commit_copies();
void wait_copies(int32_t but);

}  // namespace maque::emulation
