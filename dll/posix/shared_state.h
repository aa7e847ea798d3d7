// The state of an event, a mutex or a semaphore: memory that processes share, and the slot in it of
// each process that uses the object.
//
// A process takes a slot by locking a byte of the object's file, through a description of its own
// for that alone: a mapping keeps its description open, and thus its locks, in a forked child. The
// kernel drops the lock when the process ends, so whoever gets the lock on a slot's byte knows that
// the slot's process has died. What the slot still has in the state is removed under that lock,
// which keeps a newcomer from taking the slot meanwhile.
//
// An object without a name has no file. Only this process uses it, and those that it forks, which
// have no slots.
#ifndef DLLMEMFILEMAP_POSIX_SHARED_STATE_H
#define DLLMEMFILEMAP_POSIX_SHARED_STATE_H

#include <sys/types.h>

#include <atomic>
#include <memory>

#include "named_file.h"
#include "waiting.h"

namespace kernel32 {

constexpr unsigned kSlots = 2040;

// What is in the memory. It may be anything: those who may write to the object's file may write
// nonsense, too.
struct StateMemory {
  Doorbell doorbell;
  std::atomic<uint64_t> value;             // what it means depends on the kind of object
  std::atomic<uint16_t> sleepers[kSlots];  // how many of a slot are counted in the value
};
static_assert(sizeof(StateMemory) == 4096, "fits into the smallest page");
static_assert(std::atomic<uint64_t>::is_always_lock_free, "processes share it");

// One for each object and process, whatever number of handles there is.
class SharedState {
 public:
  // Lets go of one reference; the last one destroys it, unless a thread owns the mutex that it is.
  struct Releaser {
    void operator()(SharedState* state) const { Release(state); }
  };
  using Reference = std::unique_ptr<SharedState, Releaser>;

  // The state of the object of that file, which has to be writable, or one without a file. On
  // failure returns null and sets the last error.
  static Reference Of(const NamedFile& file);
  static Reference Anonymous();

  SharedState(const SharedState&) = delete;
  SharedState& operator=(const SharedState&) = delete;
  ~SharedState();

  StateMemory& memory() { return *memory_; }

  // Takes a slot, if this process has none; file is null for an object without a name. Returns
  // ERROR_SUCCESS or an error.
  DWORD TakeSlot(const NamedFile* file);

  // This process's slot, counted from 1, or what a process without slots has instead; 0 if it has
  // none. Whoever sees it sees the slot's descriptor, too.
  uint32_t token() const { return token_.load(std::memory_order_acquire); }

  // Adds to the number of this slot's sleepers that are counted in the value.
  void CountSleepers(int change);

  // Removes from the value the sleepers of processes that have died.
  void ForgetDeadSleepers();

  // Of a mutex: if its value still is this owner's token, and the owner's process has died, makes
  // it this process's token. Returns whether it did.
  bool ReplaceIfDead(uint64_t owner);

  // Whether the calling thread owns the mutex, and how often; and that it does so from now on.
  bool IsOwnedByThisThread() const;
  uint32_t count() const { return count_; }
  void Own(uint32_t count);

  // Makes sure that what a thread owns is abandoned when it ends. Returns ERROR_SUCCESS or an
  // error.
  static DWORD WatchThisThread();

 private:
  friend class SharedStates;

  SharedState(StateMemory* memory, struct GuardedView* guard, bool is_mutex);
  static std::unique_ptr<SharedState> Map(const NamedFile& file);
  static void Release(SharedState* state);

  // Removes what the slot's former process, which has died, left in the state.
  void ClearSlot(uint32_t token);
  // The thread that owns the mutex has ended.
  void Abandon();

  StateMemory* const memory_;
  struct GuardedView* const guard_;  // null if it is not of a file
  const bool is_mutex_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  unsigned references_ = 1;
  std::atomic<int> slot_fd_{-1};
  std::atomic<uint32_t> token_{0};
  std::atomic<const void*> owner_{nullptr};
  uint32_t count_ = 0;
};

// A mutex's value: free, free since its owner has died, or its owner's token.
constexpr uint64_t kFree = 0;
constexpr uint64_t kAbandonedFree = 1u << 31;

// The value of an auto-reset event or a semaphore: signals that nobody has taken yet, and the
// sleepers that are counted, who take them first.
constexpr unsigned kSignalBits = 40;
constexpr uint64_t kSignalMask = (uint64_t{1} << kSignalBits) - 1;

}  // namespace kernel32

#endif
