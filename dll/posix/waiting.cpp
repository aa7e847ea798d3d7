#include "waiting.h"

#include <algorithm>
#include <memory>

#include "errors.h"
#include "patience.h"
#include "platform.h"

namespace kernel32 {
namespace {

constexpr int64_t kMillisecond = 1'000'000;
// A thread sleeps at most so long before it looks again. Where it waits for an owner that may have
// died, or for others to take what is theirs, it begins with the shortest and doubles it.
constexpr int64_t kShortest = kMillisecond;
constexpr int64_t kLongestWithOwner = 20 * kMillisecond;
constexpr int64_t kLongest = 200 * kMillisecond;

// Spreads those who fell asleep together, so that they do not all look at the same moment. A
// remainder of the clock would not: its last digits are the same for all that one change woke.
int64_t Shortened(int64_t sleep, int64_t now) {
  const uint64_t hash = static_cast<uint64_t>(now) * 0x9E3779B97F4A7C15u;
  return sleep - static_cast<int64_t>((hash >> 32) % static_cast<uint64_t>(sleep / 2));
}

class WaitForAny {
 public:
  WaitForAny(Waitable* const* objects, unsigned count) : objects_(objects), count_(count) {
    for (unsigned i = 0; i < count; ++i) waits_[i] = {};
  }

  DWORD Run(DWORD milliseconds) {
    for (unsigned i = 0; i < count_; ++i) {
      if (const DWORD error = objects_[i]->GetReady()) return Fail<DWORD>(error, WAIT_FAILED);
      has_owner_ |= objects_[i]->HasOwner();
    }
    DWORD result = Take();
    if (result == WAIT_TIMEOUT && milliseconds == 0) result = TakeFromDead();
    if (result != WAIT_TIMEOUT || milliseconds == 0) return result;
    result = Sleep(milliseconds == INFINITE ? INT64_MAX : Now() + milliseconds * kMillisecond);
    for (unsigned i = 0; i < count_; ++i) objects_[i]->Leave(&waits_[i]);
    return result;
  }

 private:
  DWORD Take() {
    for (unsigned i = 0; i < count_; ++i) {
      const Taken taken = objects_[i]->Take(&waits_[i]);
      if (taken == Taken::kYes) return WAIT_OBJECT_0 + i;
      if (taken == Taken::kAbandoned) return WAIT_ABANDONED_0 + i;
    }
    return WAIT_TIMEOUT;
  }

  DWORD TakeFromDead() {
    if (!has_owner_) return WAIT_TIMEOUT;
    for (unsigned i = 0; i < count_; ++i) {
      if (objects_[i]->TakeFromDead()) return WAIT_ABANDONED_0 + i;
    }
    return WAIT_TIMEOUT;
  }

  DWORD Sleep(int64_t deadline) {
    SeenWord words[MAXIMUM_WAIT_OBJECTS];
    int64_t shortest = kShortest;
    while (true) {
      bool look_soon = has_owner_;
      for (unsigned i = 0; i < count_; ++i) {
        Doorbell& bell = objects_[i]->doorbell();
        words[i] = {&bell.changes, bell.changes};
        bell.has_sleepers = 1;
        if (!objects_[i]->Enter(&waits_[i])) look_soon = true;
      }
      DWORD result = Take();
      if (result != WAIT_TIMEOUT) return result;
      const int64_t now = Now();
      if (now >= deadline) return TakeFromDead();
      const int64_t end = now + (look_soon ? Shortened(shortest, now) : kLongest);
      SleepOnWords(words, count_, std::min(end, deadline));
      if (Now() < end) continue;
      shortest = std::min(2 * shortest, kLongestWithOwner);
      result = TakeFromDead();
      if (result != WAIT_TIMEOUT) return result;
    }
  }

  Waitable* const* const objects_;
  const unsigned count_;
  bool has_owner_ = false;
  Wait waits_[MAXIMUM_WAIT_OBJECTS];  // the first so many
};

// The object of a handle, which is kept meanwhile. Null, with the last error, if it may not be
// waited for.
Waitable* FindToWaitFor(HANDLE handle, std::shared_ptr<KernelObject>* kept) {
  *kept = FindObject(handle);
  if (!*kept) return Fail<Waitable*>(ERROR_INVALID_HANDLE);
  Waitable* const object = (*kept)->AsWaitable();
  if (!object || !object->MayBeWaitedFor()) return Fail<Waitable*>(ERROR_ACCESS_DENIED);
  return object;
}

}  // namespace

void Doorbell::Ring() {
  if (has_sleepers == 0) return;
  // In this order: whoever says now that it sleeps has read the number of changes before.
  has_sleepers = 0;
  ++changes;
  WakeSleepers(&changes);
}

}  // namespace kernel32

using namespace kernel32;

DWORD WINAPI WaitForMultipleObjects(DWORD nCount, const HANDLE* lpHandles, BOOL bWaitAll,
                                    DWORD dwMilliseconds) {
  if (nCount == 0 || nCount > MAXIMUM_WAIT_OBJECTS || !lpHandles) {
    return Fail<DWORD>(ERROR_INVALID_PARAMETER, WAIT_FAILED);
  }
  if (bWaitAll && nCount > 1) return Fail<DWORD>(ERROR_NOT_SUPPORTED, WAIT_FAILED);
  std::shared_ptr<KernelObject> kept[MAXIMUM_WAIT_OBJECTS];
  Waitable* objects[MAXIMUM_WAIT_OBJECTS];
  for (DWORD i = 0; i < nCount; ++i) {
    objects[i] = FindToWaitFor(lpHandles[i], &kept[i]);
    if (!objects[i]) return WAIT_FAILED;
  }
  return WaitForAny(objects, nCount).Run(dwMilliseconds);
}

DWORD WINAPI WaitForSingleObject(HANDLE hHandle, DWORD dwMilliseconds) {
  std::shared_ptr<KernelObject> kept;
  Waitable* object = FindToWaitFor(hHandle, &kept);
  if (!object) return WAIT_FAILED;
  return WaitForAny(&object, 1).Run(dwMilliseconds);
}
