// What a thread can wait for, and how it waits.
//
// A wait never depends on being woken: everything that it is about stands in the object's own
// state, and the sleep has an end after which the thread looks again. So a process may be killed at
// any moment, between changing a state and waking the sleepers too, and costs the others some
// milliseconds.
//
// A thread waits in these steps:
// 1. Take one of the objects, if one is signalled.
// 2. Of each object, read the number of its changes, say that there is a sleeper, and enter.
// 3. Try to take one again: a change from here on is one that step 4 notices.
// 4. Sleep until the number of changes of one of the objects is another, or for a while. If it was
//    a mutex, look whether its owner has died.
// 5. Go back to 2, until the time has passed. In the end, leave the objects.
//
// Whatever changes a state looks afterwards whether there is a sleeper, and if so counts a change
// and wakes all of them.
#ifndef DLLMEMFILEMAP_POSIX_WAITING_H
#define DLLMEMFILEMAP_POSIX_WAITING_H

#include <stdint.h>

#include <atomic>

#include "handles.h"

namespace kernel32 {

// What sleepers sleep on. Processes may share it.
struct Doorbell {
  std::atomic<uint32_t> changes;
  std::atomic<uint32_t> has_sleepers;

  // Wakes all who sleep. To be called after a change.
  void Ring();
};

// One thread's wait for one object: before it has entered, all is 0.
struct Wait {
  bool is_counted;               // among the sleepers of an auto-reset event or a semaphore
  bool has_entered;              // a manual-reset event
  uint64_t generation_at_entry;  // of a manual-reset event
};

enum class Taken { kNo, kYes, kAbandoned };

class Waitable : public KernelObject {
 public:
  Waitable* AsWaitable() override { return this; }

  virtual bool MayBeWaitedFor() const { return true; }

  // What a wait needs before it begins. Returns ERROR_SUCCESS or an error.
  virtual DWORD GetReady() { return ERROR_SUCCESS; }

  virtual Doorbell& doorbell() = 0;

  // Takes the object if it is signalled. Whatever is counted then no longer is.
  virtual Taken Take(Wait* wait) = 0;

  // Says that the thread is about to sleep; may be called again. Returns false if it has to look
  // again soon.
  virtual bool Enter(Wait*) { return true; }

  // The opposite, for a wait that has not taken the object.
  virtual void Leave(Wait*) {}

  // Whether it can lose its owner without a change, and if so takes it if that has happened.
  virtual bool HasOwner() const { return false; }
  virtual bool TakeFromDead() { return false; }
};

}  // namespace kernel32

#endif
