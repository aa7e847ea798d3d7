// Mutexes.

#include <atomic>

#include "child.h"
#include "fixtures.h"
#include "test.h"
#include "threads.h"

using namespace test;

namespace {

// What a wait for a moment gives in another thread, which ends as it is.
DWORD TryInAnotherThread(HANDLE mutex) {
  DWORD result = WAIT_FAILED;
  RunInThreads(1, [&](int) { result = Try(mutex); });
  return result;
}

DWORD WaitInAnotherThread(HANDLE mutex) {
  DWORD result = WAIT_FAILED;
  RunInThreads(1, [&](int) { result = WaitForSingleObject(mutex, kPatience); });
  return result;
}

}  // namespace

TEST("A mutex takes as many releases as it had waits through any handle to it") {
  const Text name = UniqueName();
  const Handle mutex(CreateTheMutex(name));
  const Handle other(OpenMutexW(MUTEX_ALL_ACCESS, FALSE, name.c_str()));
  REQUIRE(other);
  EXPECT_EQ(Try(mutex.get()), WAIT_OBJECT_0);
  EXPECT_EQ(Try(other.get()), WAIT_OBJECT_0);
  EXPECT_EQ(WaitForSingleObject(mutex.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(TryInAnotherThread(mutex.get()), WAIT_TIMEOUT);
  EXPECT_KEEPS_LAST_ERROR(ReleaseMutex(other.get()));
  EXPECT_KEEPS_LAST_ERROR(ReleaseMutex(other.get()));
  EXPECT_EQ(TryInAnotherThread(other.get()), WAIT_TIMEOUT);
  EXPECT_KEEPS_LAST_ERROR(ReleaseMutex(mutex.get()));
  EXPECT_FAILS(ReleaseMutex(mutex.get()), ERROR_NOT_OWNER);
  EXPECT_FAILS(ReleaseMutex(other.get()), ERROR_NOT_OWNER);
}

TEST("A release by a thread that does not own the mutex is ERROR_NOT_OWNER") {
  const Handle mutex(CreateTheMutex(Text(), /*is_owned=*/true));
  DWORD error = 0;
  RunInThreads(1, [&](int) {
    if (!ReleaseMutex(mutex.get())) error = GetLastError();
  });
  EXPECT_EQ(error, ERROR_NOT_OWNER);
  EXPECT(ReleaseMutex(mutex.get()));
  EXPECT_FAILS(ReleaseMutex(mutex.get()), ERROR_NOT_OWNER);
}

TEST("Being the initial owner counts as one wait") {
  for (const Text& name : {Text(), UniqueName()}) {
    const Handle mutex(CreateTheMutex(name, /*is_owned=*/true));
    EXPECT_EQ(TryInAnotherThread(mutex.get()), WAIT_TIMEOUT);
    EXPECT_KEEPS_LAST_ERROR(ReleaseMutex(mutex.get()));
    EXPECT_FAILS(ReleaseMutex(mutex.get()), ERROR_NOT_OWNER);
  }
}

TEST("Nobody becomes the initial owner of a mutex that exists") {
  const Text name = UniqueName();
  const Handle mutex(CreateTheMutex(name));
  SetLastError(kUntouched);
  const HANDLE created = CreateTheMutex(name, /*is_owned=*/true);
  EXPECT_EQ(GetLastError(), ERROR_ALREADY_EXISTS);
  const Handle again(created);
  EXPECT_FAILS(ReleaseMutex(again.get()), ERROR_NOT_OWNER);
}

TEST("The next wait after the owner's thread has ended says so and owns the mutex") {
  for (const Text& name : {Text(), UniqueName()}) {
    const Handle mutex(CreateTheMutex(name));
    EXPECT_EQ(TryInAnotherThread(mutex.get()), WAIT_OBJECT_0);
    EXPECT_EQ(Try(mutex.get()), WAIT_ABANDONED);
    EXPECT_EQ(TryInAnotherThread(mutex.get()), WAIT_TIMEOUT);
    EXPECT_KEEPS_LAST_ERROR(ReleaseMutex(mutex.get()));
    EXPECT_EQ(Try(mutex.get()), WAIT_OBJECT_0);
    EXPECT(ReleaseMutex(mutex.get()));
  }
}

TEST("A thread that already sleeps gets the mutex of a thread that ends") {
  const Text name = UniqueName();
  const Handle mutex(CreateTheMutex(name));
  const Handle owned(CreateTheEvent(Text(), /*manual_reset=*/true));
  const Handle sleeping(CreateTheEvent(Text(), /*manual_reset=*/true));
  std::atomic<DWORD> result{WAIT_FAILED};
  RunInThreads(2, [&](int thread) {
    if (thread == 0) {
      WaitForSingleObject(mutex.get(), kPatience);
      SetEvent(owned.get());
      WaitForSingleObject(sleeping.get(), kPatience);
      return;
    }
    WaitForSingleObject(owned.get(), kPatience);
    SetEvent(sleeping.get());
    result = WaitForSingleObject(mutex.get(), kPatience);
    ReleaseMutex(mutex.get());
  });
  EXPECT_EQ(result.load(), WAIT_ABANDONED);
  EXPECT_EQ(Try(mutex.get()), WAIT_OBJECT_0);
}

TEST("The next wait after the owner's process has ended says so and owns the mutex") {
  const Text name = UniqueName();
  const Handle mutex(CreateTheMutex(name));
  Child child(TEXT("owns ") + name);
  REQUIRE(child.IsReady());
  EXPECT_EQ(Try(mutex.get()), WAIT_TIMEOUT);
  EXPECT_FAILS(ReleaseMutex(mutex.get()), ERROR_NOT_OWNER);
  EXPECT(child.End());
  EXPECT_EQ(WaitForSingleObject(mutex.get(), kPatience), WAIT_ABANDONED);
  EXPECT_EQ(TryInAnotherThread(mutex.get()), WAIT_TIMEOUT);
  EXPECT(ReleaseMutex(mutex.get()));
  EXPECT_EQ(Try(mutex.get()), WAIT_OBJECT_0);
}

TEST("A thread that already sleeps gets the mutex of a process that ends") {
  const Text name = UniqueName();
  const Handle mutex(CreateTheMutex(name));
  Child child(TEXT("owns ") + name);
  REQUIRE(child.IsReady());
  std::atomic<DWORD> result{WAIT_FAILED};
  RunInThreads(2, [&](int thread) {
    if (thread == 0) {
      result = WaitForSingleObject(mutex.get(), kPatience);
    } else {
      child.End();
    }
  });
  EXPECT_EQ(result.load(), WAIT_ABANDONED);
}

TEST("A thread that closes its handle owns the mutex until it ends") {
  const Text name = UniqueName();
  const Handle mutex(CreateTheMutex(name));
  RunInThreads(1, [&](int) {
    Handle other(OpenMutexW(MUTEX_ALL_ACCESS, FALSE, name.c_str()));
    Try(other.get());
    other.Close();
  });
  EXPECT_EQ(WaitInAnotherThread(mutex.get()), WAIT_ABANDONED);
}

TEST("A mutex excludes threads from each other") {
  const Text name = UniqueName();
  const Handle mutex(CreateTheMutex(name));
  int count = 0;  // no atomic: the mutex is what makes it right
  RunInThreads(4, [&](int) {
    const Handle own(OpenMutexW(SYNCHRONIZE, FALSE, name.c_str()));
    for (int i = 0; i < 1000; ++i) {
      if (WaitForSingleObject(own.get(), kPatience) != WAIT_OBJECT_0) return;
      ++count;
      ReleaseMutex(own.get());
    }
  });
  EXPECT_EQ(count, 4000);
}

TEST("ReleaseMutex of what is no mutex fails") {
  for (const HANDLE handle : kNoHandles) EXPECT_FAILS(ReleaseMutex(handle), ERROR_INVALID_HANDLE);
  const Handle event(CreateTheEvent(Text(), /*manual_reset=*/true));
  EXPECT_FAILS_SOMEHOW(ReleaseMutex(event.get()));
}
