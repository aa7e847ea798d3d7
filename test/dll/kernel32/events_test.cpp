// Events.

#include <atomic>

#include "child.h"
#include "fixtures.h"
#include "test.h"
#include "threads.h"

using namespace test;

TEST("A manual-reset event stays signalled through waits until it is reset") {
  const Handle event(CreateTheEvent(Text(), /*manual_reset=*/true, /*is_set=*/true));
  EXPECT_EQ(Try(event.get()), WAIT_OBJECT_0);
  EXPECT_EQ(WaitForSingleObject(event.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_KEEPS_LAST_ERROR(ResetEvent(event.get()));
  EXPECT_EQ(Try(event.get()), WAIT_TIMEOUT);
  EXPECT_KEEPS_LAST_ERROR(SetEvent(event.get()));
  EXPECT_EQ(Try(event.get()), WAIT_OBJECT_0);
}

TEST("An auto-reset event is cleared by exactly one wait") {
  const Handle event(CreateTheEvent(Text(), /*manual_reset=*/false, /*is_set=*/true));
  EXPECT_EQ(Try(event.get()), WAIT_OBJECT_0);
  EXPECT_EQ(Try(event.get()), WAIT_TIMEOUT);
  EXPECT_KEEPS_LAST_ERROR(SetEvent(event.get()));
  EXPECT_EQ(WaitForSingleObject(event.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(Try(event.get()), WAIT_TIMEOUT);
}

TEST("Setting an event that is set and resetting one that is not succeed") {
  for (const bool manual_reset : {false, true}) {
    const Handle event(CreateTheEvent(Text(), manual_reset));
    EXPECT_KEEPS_LAST_ERROR(ResetEvent(event.get()));
    EXPECT_KEEPS_LAST_ERROR(SetEvent(event.get()));
    EXPECT_KEEPS_LAST_ERROR(SetEvent(event.get()));
    EXPECT_EQ(Try(event.get()), WAIT_OBJECT_0);
    EXPECT_EQ(Try(event.get()), manual_reset ? WAIT_OBJECT_0 : WAIT_TIMEOUT);
    EXPECT_KEEPS_LAST_ERROR(SetEvent(event.get()));
    EXPECT_KEEPS_LAST_ERROR(ResetEvent(event.get()));
    EXPECT_EQ(Try(event.get()), WAIT_TIMEOUT);
  }
}

TEST("Opening an event changes neither its kind nor its state") {
  for (const bool manual_reset : {false, true}) {
    for (const bool is_set : {false, true}) {
      const Text name = UniqueName();
      const Handle event(CreateTheEvent(name, manual_reset, is_set));
      SetLastError(kUntouched);
      const HANDLE created = CreateTheEvent(name, !manual_reset, !is_set);
      EXPECT_EQ(GetLastError(), ERROR_ALREADY_EXISTS);
      const Handle again(created);
      const Handle opened(OpenEventW(EVENT_ALL_ACCESS, FALSE, name.c_str()));
      REQUIRE(again && opened);
      EXPECT_EQ(Try(opened.get()), is_set ? WAIT_OBJECT_0 : WAIT_TIMEOUT);
      EXPECT(SetEvent(again.get()));
      EXPECT_EQ(Try(opened.get()), WAIT_OBJECT_0);
      EXPECT_EQ(Try(event.get()), manual_reset ? WAIT_OBJECT_0 : WAIT_TIMEOUT);
    }
  }
}

TEST("SetEvent and ResetEvent need EVENT_MODIFY_STATE and an event") {
  const Text name = UniqueName();
  const Handle event(CreateTheEvent(name, /*manual_reset=*/true));
  const Handle waiting(OpenEventW(SYNCHRONIZE, FALSE, name.c_str()));
  const Handle changing(OpenEventW(EVENT_MODIFY_STATE, FALSE, name.c_str()));
  const Handle writing(OpenEventW(GENERIC_WRITE, FALSE, name.c_str()));
  REQUIRE(waiting && changing && writing);
  EXPECT_FAILS(SetEvent(waiting.get()), ERROR_ACCESS_DENIED);
  EXPECT_FAILS(ResetEvent(waiting.get()), ERROR_ACCESS_DENIED);
  EXPECT_KEEPS_LAST_ERROR(SetEvent(changing.get()));
  EXPECT_EQ(Try(waiting.get()), WAIT_OBJECT_0);
  EXPECT_KEEPS_LAST_ERROR(ResetEvent(writing.get()));
  EXPECT_EQ(Try(waiting.get()), WAIT_TIMEOUT);
  const Handle mutex(CreateTheMutex(Text()));
  for (const HANDLE handle : kNoHandles) {
    EXPECT_FAILS(SetEvent(handle), ERROR_INVALID_HANDLE);
    EXPECT_FAILS(ResetEvent(handle), ERROR_INVALID_HANDLE);
  }
  EXPECT_FAILS_SOMEHOW(SetEvent(mutex.get()));
  EXPECT_FAILS_SOMEHOW(ResetEvent(mutex.get()));
}

// Runs sleepers, and when they have gone to sleep, `wake`. Whether each of them woke. No call tells
// that a thread sleeps, so `pause` milliseconds have to do, and the caller tries again with more.
template <typename Wake>
bool WakesAll(int sleepers, HANDLE event, DWORD pause, Wake wake) {
  const Handle never(CreateTheEvent(Text(), /*manual_reset=*/true));
  std::atomic<int> about_to_sleep{0}, woken{0};
  RunInThreads(sleepers + 1, [&](int thread) {
    if (thread < sleepers) {
      ++about_to_sleep;
      if (WaitForSingleObject(event, 10 * pause) == WAIT_OBJECT_0) ++woken;
      return;
    }
    while (about_to_sleep < sleepers) YieldThread();
    WaitForSingleObject(never.get(), pause);
    wake();
  });
  return woken == sleepers;
}

template <typename Wake>
void ExpectToWakeAll(bool manual_reset, Wake wake) {
  bool woke_all = false;
  for (DWORD pause = 20; !woke_all && pause < 2000; pause *= 2) {
    const Handle event(CreateTheEvent(UniqueName(), manual_reset));
    woke_all = WakesAll(8, event.get(), pause, [&] { wake(event.get()); });
  }
  EXPECT(woke_all);
}

TEST("Eight threads that sleep on an auto-reset event are all woken by eight SetEvent") {
  ExpectToWakeAll(/*manual_reset=*/false, [](HANDLE event) {
    for (int i = 0; i < 8; ++i) SetEvent(event);
  });
}

TEST("SetEvent and then ResetEvent of a manual-reset event release all that sleep") {
  ExpectToWakeAll(/*manual_reset=*/true, [](HANDLE event) {
    SetEvent(event);
    ResetEvent(event);
  });
}

TEST("What an auto-reset event has for a sleeping thread is not there for a later wait") {
  bool was_taken = false;
  for (DWORD pause = 20; !was_taken && pause < 2000; pause *= 2) {
    const Handle event(CreateTheEvent(UniqueName(), /*manual_reset=*/false));
    bool found = true;
    const bool woke = WakesAll(1, event.get(), pause, [&] {
      SetEvent(event.get());
      found = Try(event.get()) == WAIT_OBJECT_0;
    });
    was_taken = woke && !found;
  }
  EXPECT(was_taken);
}

TEST("An event that another process sets is set in this one") {
  for (const bool manual_reset : {false, true}) {
    const Text name = UniqueName();
    const Handle event(CreateTheEvent(name, manual_reset));
    Child child(TEXT("sets ") + name);
    EXPECT_EQ(WaitForSingleObject(event.get(), kPatience), WAIT_OBJECT_0);
    EXPECT_EQ(Try(event.get()), manual_reset ? WAIT_OBJECT_0 : WAIT_TIMEOUT);
    EXPECT(child.End());
  }
}
