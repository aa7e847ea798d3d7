// Semaphores.

#include "child.h"
#include "fixtures.h"
#include "test.h"

using namespace test;

TEST("A semaphore lets as many through as its count says") {
  const Handle semaphore(CreateTheSemaphore(Text(), 2, 3));
  EXPECT_EQ(Try(semaphore.get()), WAIT_OBJECT_0);
  EXPECT_EQ(WaitForSingleObject(semaphore.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(Try(semaphore.get()), WAIT_TIMEOUT);
  LONG previous = 77;
  EXPECT_KEEPS_LAST_ERROR(ReleaseSemaphore(semaphore.get(), 3, &previous));
  EXPECT_EQ(previous, 0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Try(semaphore.get()), WAIT_OBJECT_0);
  EXPECT_EQ(Try(semaphore.get()), WAIT_TIMEOUT);
}

TEST("CreateSemaphoreW refuses counts that make no sense") {
  EXPECT_FAILS(CreateTheSemaphore(Text(), -1, 1), ERROR_INVALID_PARAMETER);
  EXPECT_FAILS(CreateTheSemaphore(Text(), 0, 0), ERROR_INVALID_PARAMETER);
  EXPECT_FAILS(CreateTheSemaphore(Text(), 0, -1), ERROR_INVALID_PARAMETER);
  EXPECT_FAILS(CreateTheSemaphore(Text(), 2, 1), ERROR_INVALID_PARAMETER);
  const Handle semaphore(CreateTheSemaphore(Text(), 0x7FFFFFFF, 0x7FFFFFFF));
  EXPECT(semaphore);
}

TEST("ReleaseSemaphore past the maximum fails as a whole and leaves all as it was") {
  const Handle semaphore(CreateTheSemaphore(Text(), 1, 3));
  LONG previous = 77;
  EXPECT_FAILS(ReleaseSemaphore(semaphore.get(), 3, &previous), ERROR_TOO_MANY_POSTS);
  EXPECT_FAILS(ReleaseSemaphore(semaphore.get(), 0x7FFFFFFF, &previous), ERROR_TOO_MANY_POSTS);
  EXPECT_EQ(previous, 77);
  EXPECT(ReleaseSemaphore(semaphore.get(), 2, &previous));
  EXPECT_EQ(previous, 1);
  EXPECT_FAILS(ReleaseSemaphore(semaphore.get(), 1, /*lpPreviousCount=*/nullptr),
               ERROR_TOO_MANY_POSTS);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Try(semaphore.get()), WAIT_OBJECT_0);
  EXPECT_EQ(Try(semaphore.get()), WAIT_TIMEOUT);
}

TEST("ReleaseSemaphore of none or less releases nothing") {
  const Handle semaphore(CreateTheSemaphore(Text(), 0, 3));
  // ERROR_INVALID_PARAMETER, but Wine has other answers, and takes 0.
  ReleaseSemaphore(semaphore.get(), 0, nullptr);
  EXPECT_FAILS_SOMEHOW(ReleaseSemaphore(semaphore.get(), -1, nullptr));
  EXPECT_FAILS_SOMEHOW(ReleaseSemaphore(semaphore.get(), -0x7FFFFFFF, nullptr));
  EXPECT_EQ(Try(semaphore.get()), WAIT_TIMEOUT);
}

TEST("Opening a semaphore changes neither its count nor its maximum") {
  const Text name = UniqueName();
  const Handle semaphore(CreateTheSemaphore(name, 1, 2));
  SetLastError(kUntouched);
  const HANDLE created = CreateTheSemaphore(name, 5, 9);
  EXPECT_EQ(GetLastError(), ERROR_ALREADY_EXISTS);
  const Handle again(created);
  const Handle opened(OpenSemaphoreW(SEMAPHORE_ALL_ACCESS, FALSE, name.c_str()));
  REQUIRE(again && opened);
  LONG previous = 77;
  EXPECT(ReleaseSemaphore(again.get(), 1, &previous));
  EXPECT_EQ(previous, 1);
  EXPECT_FAILS(ReleaseSemaphore(opened.get(), 1, nullptr), ERROR_TOO_MANY_POSTS);
}

TEST("ReleaseSemaphore needs SEMAPHORE_MODIFY_STATE and a semaphore") {
  const Text name = UniqueName();
  const Handle semaphore(CreateTheSemaphore(name, 0, 5));
  const Handle waiting(OpenSemaphoreW(SYNCHRONIZE, FALSE, name.c_str()));
  const Handle changing(OpenSemaphoreW(SEMAPHORE_MODIFY_STATE, FALSE, name.c_str()));
  REQUIRE(waiting && changing);
  EXPECT_FAILS(ReleaseSemaphore(waiting.get(), 1, nullptr), ERROR_ACCESS_DENIED);
  EXPECT_KEEPS_LAST_ERROR(ReleaseSemaphore(changing.get(), 1, nullptr));
  EXPECT_EQ(Try(waiting.get()), WAIT_OBJECT_0);
  for (const HANDLE handle : kNoHandles) {
    EXPECT_FAILS(ReleaseSemaphore(handle, 1, nullptr), ERROR_INVALID_HANDLE);
  }
  const Handle event(CreateTheEvent(Text(), /*manual_reset=*/true));
  EXPECT_FAILS_SOMEHOW(ReleaseSemaphore(event.get(), 1, nullptr));
}

TEST("A semaphore has no owner and another process may release it") {
  const Text name = UniqueName();
  const Handle semaphore(CreateTheSemaphore(name, 0, 5));
  Child child(TEXT("posts ") + name);
  EXPECT_EQ(WaitForSingleObject(semaphore.get(), kPatience), WAIT_OBJECT_0);
  EXPECT_EQ(Try(semaphore.get()), WAIT_TIMEOUT);
  EXPECT(child.End());
}
