// How long a call waits for another process that is between two system calls.
#ifndef DLLMEMFILEMAP_POSIX_PATIENCE_H
#define DLLMEMFILEMAP_POSIX_PATIENCE_H

#include <sched.h>
#include <stdint.h>
#include <time.h>

namespace kernel32 {

// In nanoseconds, by a clock that nobody sets.
inline int64_t Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// A moment in the future.
class Deadline {
 public:
  explicit Deadline(int64_t milliseconds) : end_(Now() + milliseconds * 1'000'000) {}
  bool HasPassed() const { return Now() >= end_; }

 private:
  const int64_t end_;
};

// The pauses between attempts: first a few turns of the scheduler, then half a millisecond each.
// The other process may have been stopped, so they come to an end.
class Patience {
 public:
  // Pauses; returns false when five seconds have passed.
  bool Wait() {
    if (++turns_ <= 16) {
      sched_yield();
    } else {
      const timespec pause = {0, 500'000};
      nanosleep(&pause, nullptr);
    }
    return !end_.HasPassed();
  }

 private:
  int turns_ = 0;
  const Deadline end_{5000};
};

}  // namespace kernel32

#endif
