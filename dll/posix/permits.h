// Signals that each release one waiter: those of an auto-reset event and of a semaphore.
//
// The value has two numbers: signals that have not been taken, and sleepers that are counted. As
// many of the signals as there are sleepers belong to those, because on Windows a signal releases a
// sleeping thread at once: what comes later, a second signal or another thread, does not find it
// any more. The rest is what the object says it has: an event's state, a semaphore's count.
//
// A sleeper that is killed stays counted, and in its process's slot. Where the sleepers matter,
// those of dead processes are removed first.
#ifndef DLLMEMFILEMAP_POSIX_PERMITS_H
#define DLLMEMFILEMAP_POSIX_PERMITS_H

#include <stdint.h>

#include "shared_state.h"

namespace kernel32 {

class Permits {
 public:
  // `file` is null for an object without a name.
  Permits(SharedState* state, const NamedFile* file) : state_(*state), file_(file) {}

  // Adds signals, unless there would be more than `maximum` that belong to no sleeper. Returns
  // whether it has; *previous is how many of those there were.
  bool Add(uint64_t count, uint64_t maximum, uint64_t* previous);

  // Removes the signals that belong to no sleeper.
  void Clear();

  // As the functions of Waitable.
  Taken Take(Wait* wait);
  bool Enter(Wait* wait);
  // If this leaves more than `maximum` signals that belong to no sleeper, they are lost.
  void Leave(Wait* wait, uint64_t maximum);

 private:
  // The value, without the sleepers of dead processes where they would matter.
  uint64_t ValueForTheLiving();

  SharedState& state_;
  const NamedFile* const file_;
};

}  // namespace kernel32

#endif
