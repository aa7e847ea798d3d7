// What is the same for events, mutexes and semaphores: names, rights, and waiting for several.

#include <vector>

#include "child.h"
#include "fixtures.h"
#include "test.h"
#include "threads.h"

using namespace test;

namespace {

struct Kind {
  const char* description;
  HANDLE (*create)(LPCWSTR name);
  HANDLE (*open)(DWORD access, LPCWSTR name);
};

const Kind kKinds[] = {
    {"an event", [](LPCWSTR name) { return CreateEventW(nullptr, TRUE, TRUE, name); },
     [](DWORD access, LPCWSTR name) { return OpenEventW(access, FALSE, name); }},
    {"a mutex", [](LPCWSTR name) { return CreateMutexW(nullptr, FALSE, name); },
     [](DWORD access, LPCWSTR name) { return OpenMutexW(access, FALSE, name); }},
    {"a semaphore", [](LPCWSTR name) { return CreateSemaphoreW(nullptr, 5, 9, name); },
     [](DWORD access, LPCWSTR name) { return OpenSemaphoreW(access, FALSE, name); }},
    {"a file mapping",
     [](LPCWSTR name) {
       return CreateFileMappingW(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, 0, kSize, name);
     },
     [](DWORD access, LPCWSTR name) { return OpenFileMappingW(access, FALSE, name); }},
};
constexpr int kWaitable = 3;  // the first ones

DWORD WaitForAny(const std::vector<HANDLE>& handles, DWORD milliseconds) {
  return WaitForMultipleObjects(static_cast<DWORD>(handles.size()), handles.data(),
                                /*bWaitAll=*/FALSE, milliseconds);
}

void ExpectWaitToFail(HANDLE handle, DWORD error) {
  for (const DWORD milliseconds : {DWORD{0}, DWORD{INFINITE}}) {
    SetLastError(kUntouched);
    const DWORD result = WaitForSingleObject(handle, milliseconds);
    EXPECT_EQ(GetLastError(), error);
    EXPECT_EQ(result, WAIT_FAILED);
  }
}

}  // namespace

TEST("Creating an object says whether there was one of that name") {
  for (const Kind& kind : kKinds) {
    const Case description(kind.description);
    for (const Text& prefix : {Text(), Text(TEXT("Local\\"))}) {
      const Text name = prefix + UniqueName();
      SetLastError(kUntouched);
      const HANDLE created = kind.create(name.c_str());
      EXPECT_EQ(GetLastError(), ERROR_SUCCESS);
      const Handle first(created);
      SetLastError(kUntouched);
      const HANDLE opened = kind.create(name.c_str());
      EXPECT_EQ(GetLastError(), ERROR_ALREADY_EXISTS);
      const Handle second(opened);
      EXPECT(second);
    }
  }
}

TEST("An object of any kind in Global is not the one of that name in Local") {
  for (const Kind& kind : kKinds) {
    const Case description(kind.description);
    const Text name = UniqueName();
    const Handle global(kind.create((TEXT("Global\\") + name).c_str()));
    EXPECT(global);
    EXPECT_FAILS(kind.open(SYNCHRONIZE, name.c_str()), ERROR_FILE_NOT_FOUND);
    const Handle opened(kind.open(SYNCHRONIZE, (TEXT("Global\\") + name).c_str()));
    EXPECT(opened);
  }
}

TEST("No kind of object opens without a name or under one that is free or not right") {
  for (const Kind& kind : kKinds) {
    const Case description(kind.description);
    EXPECT_FAILS(kind.open(SYNCHRONIZE, UniqueName().c_str()), ERROR_FILE_NOT_FOUND);
    EXPECT_FAILS(kind.open(SYNCHRONIZE, nullptr), ERROR_INVALID_PARAMETER);
    const Text name = UniqueName(TEXT("case"));
    const Handle created(kind.create(name.c_str()));
    Text other = name;
    other.back() = 'E';
    EXPECT_FAILS(kind.open(SYNCHRONIZE, other.c_str()), ERROR_FILE_NOT_FOUND);
    EXPECT_FAILS(kind.create(TEXT("a\\b")), ERROR_PATH_NOT_FOUND);
  }
}

TEST("A name that another kind of object has is ERROR_INVALID_HANDLE") {
  for (const Kind& kind : kKinds) {
    const Text name = UniqueName();
    const Handle object(kind.create(name.c_str()));
    for (const Kind& other : kKinds) {
      if (&other == &kind) continue;
      const Case description(std::string(other.description) + " where there is " +
                             kind.description);
      EXPECT_FAILS(other.create(name.c_str()), ERROR_INVALID_HANDLE);
      EXPECT_FAILS(other.open(SYNCHRONIZE, name.c_str()), ERROR_INVALID_HANDLE);
    }
  }
}

TEST("An empty name makes an object without one") {
  for (const Kind& kind : kKinds) {
    const Case description(kind.description);
    const Handle first(kind.create(TEXT("")));
    SetLastError(kUntouched);
    const HANDLE created = kind.create(TEXT(""));
    EXPECT_EQ(GetLastError(), ERROR_SUCCESS);
    const Handle second(created);
    EXPECT(first && second);
  }
}

TEST("The name of an object of any kind goes with its last handle") {
  for (const Kind& kind : kKinds) {
    const Case description(kind.description);
    const Text name = UniqueName();
    Handle first(kind.create(name.c_str()));
    Handle second(kind.open(SYNCHRONIZE, name.c_str()));
    if (second) EXPECT(first.Close());
    const bool is_there = static_cast<bool>(Handle(kind.open(SYNCHRONIZE, name.c_str())));
    EXPECT(is_there);
    EXPECT(second.Close());
    EXPECT_FAILS(kind.open(SYNCHRONIZE, name.c_str()), ERROR_FILE_NOT_FOUND);
  }
}

TEST("Opening an object of any kind leaves the last error alone") {
  for (const Kind& kind : kKinds) {
    const Case description(kind.description);
    const Text name = UniqueName();
    const Handle created(kind.create(name.c_str()));
    HANDLE opened = nullptr;
    EXPECT_KEEPS_LAST_ERROR(opened = kind.open(SYNCHRONIZE, name.c_str()));
    EXPECT(CloseHandle(opened));
  }
}

TEST("A handle is waited for only with SYNCHRONIZE") {
  for (int i = 0; i < kWaitable; ++i) {
    const Case description(kKinds[i].description);
    const Text name = UniqueName();
    const Handle created(kKinds[i].create(name.c_str()));
    const Handle reading(kKinds[i].open(GENERIC_READ | GENERIC_WRITE, name.c_str()));
    const Handle changing(kKinds[i].open(EVENT_MODIFY_STATE | MUTEX_MODIFY_STATE, name.c_str()));
    REQUIRE(reading && changing);
    ExpectWaitToFail(reading.get(), ERROR_ACCESS_DENIED);
    ExpectWaitToFail(changing.get(), ERROR_ACCESS_DENIED);
    for (const DWORD access :
         {DWORD{SYNCHRONIZE}, DWORD{GENERIC_EXECUTE}, DWORD{GENERIC_ALL}, DWORD{MAXIMUM_ALLOWED}}) {
      const Handle waiting(kKinds[i].open(access, name.c_str()));
      EXPECT_EQ(Try(waiting.get()), WAIT_OBJECT_0);
    }
    // ERROR_ACCESS_DENIED, but Wine opens it.
    const Handle without_access(kKinds[i].open(0, name.c_str()));
    if (without_access) ExpectWaitToFail(without_access.get(), ERROR_ACCESS_DENIED);
  }
}

TEST("A wait that succeeds or times out leaves the last error alone") {
  const Handle event(CreateTheEvent(Text(), /*manual_reset=*/false, /*is_set=*/true));
  for (const DWORD expected : {DWORD{WAIT_OBJECT_0}, DWORD{WAIT_TIMEOUT}}) {
    SetLastError(kUntouched);
    const DWORD result = WaitForSingleObject(event.get(), 1);
    EXPECT_EQ(GetLastError(), kUntouched);
    EXPECT_EQ(result, expected);
  }
  SetLastError(kUntouched);
  const DWORD result = WaitForAny({event.get(), event.get()}, 1);
  EXPECT_EQ(GetLastError(), kUntouched);
  EXPECT_EQ(result, WAIT_TIMEOUT);
}

TEST("GetTickCount64 counts the milliseconds of a wait") {
  const Handle never(CreateTheEvent(Text(), /*manual_reset=*/true));
  const ULONGLONG before = GetTickCount64();
  EXPECT_EQ(WaitForSingleObject(never.get(), 100), WAIT_TIMEOUT);
  // Windows counts by ticks of up to 16 ms.
  EXPECT(GetTickCount64() - before >= 80);
}

TEST("A wait for several takes the lowest index and leaves the others as they were") {
  const Handle not_set(CreateTheEvent(Text(), /*manual_reset=*/false));
  const Handle event(CreateTheEvent(Text(), /*manual_reset=*/false, /*is_set=*/true));
  const Handle semaphore(CreateTheSemaphore(Text(), 1, 1));
  const Handle mutex(CreateTheMutex(Text()));
  const std::vector<HANDLE> all = {not_set.get(), event.get(), semaphore.get(), mutex.get()};
  EXPECT_EQ(WaitForAny(all, INFINITE), WAIT_OBJECT_0 + 1);
  EXPECT_EQ(WaitForAny(all, INFINITE), WAIT_OBJECT_0 + 2);
  EXPECT_EQ(WaitForAny(all, INFINITE), WAIT_OBJECT_0 + 3);
  EXPECT_EQ(WaitForAny(all, 0), WAIT_OBJECT_0 + 3);
  EXPECT(SetEvent(not_set.get()));
  EXPECT(ReleaseSemaphore(semaphore.get(), 1, nullptr));
  EXPECT_EQ(WaitForAny(all, INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(WaitForAny(all, INFINITE), WAIT_OBJECT_0 + 2);
  EXPECT(ReleaseMutex(mutex.get()));
  EXPECT(ReleaseMutex(mutex.get()));
  EXPECT_FAILS(ReleaseMutex(mutex.get()), ERROR_NOT_OWNER);
}

TEST("64 handles can be waited for and neither 65 nor none") {
  const Handle event(CreateTheEvent(Text(), /*manual_reset=*/true));
  std::vector<Handle> events;
  std::vector<HANDLE> handles;
  for (int i = 0; i < 64; ++i) {
    events.emplace_back(CreateTheEvent(Text(), /*manual_reset=*/true));
    handles.push_back(events.back().get());
  }
  EXPECT_EQ(WaitForAny(handles, 1), WAIT_TIMEOUT);
  EXPECT(SetEvent(handles[63]));
  EXPECT_EQ(WaitForAny(handles, INFINITE), WAIT_OBJECT_0 + 63);
  handles.push_back(event.get());
  SetLastError(kUntouched);
  EXPECT_EQ(WaitForAny(handles, 0), WAIT_FAILED);
  EXPECT_EQ(GetLastError(), ERROR_INVALID_PARAMETER);
  SetLastError(kUntouched);
  EXPECT_EQ(WaitForMultipleObjects(0, handles.data(), FALSE, 0), WAIT_FAILED);
  EXPECT_EQ(GetLastError(), ERROR_INVALID_PARAMETER);
}

TEST("A wait for several with one that is no handle fails and takes nothing") {
  const Text name = UniqueName();
  const Handle event(CreateTheEvent(name, /*manual_reset=*/false, /*is_set=*/true));
  const Handle changing(OpenEventW(EVENT_MODIFY_STATE, FALSE, name.c_str()));
  const Handle mapping(CreateAnonymous());
  for (const HANDLE handle : kNoHandles) {
    SetLastError(kUntouched);
    const DWORD result = WaitForAny({event.get(), handle}, INFINITE);
    EXPECT_EQ(GetLastError(), ERROR_INVALID_HANDLE);
    EXPECT_EQ(result, WAIT_FAILED);
  }
  SetLastError(kUntouched);
  const DWORD result = WaitForAny({event.get(), changing.get()}, INFINITE);
  EXPECT_EQ(GetLastError(), ERROR_ACCESS_DENIED);
  EXPECT_EQ(result, WAIT_FAILED);
  EXPECT_EQ(Try(event.get()), WAIT_OBJECT_0);
}

TEST("A wait for several wakes whichever of them is signalled in whichever process") {
  const Text names[] = {UniqueName(), UniqueName(), UniqueName()};
  const Handle event(CreateTheEvent(names[0], /*manual_reset=*/false));
  const Handle semaphore(CreateTheSemaphore(names[1], 0, 1));
  const Handle mutex(CreateTheMutex(names[2]));
  Child owner(TEXT("owns ") + names[2]);
  REQUIRE(owner.IsReady());
  Child process(TEXT("running"));
  REQUIRE(process.IsReady());
  const std::vector<HANDLE> all = {event.get(), semaphore.get(), mutex.get(), process.process()};
  EXPECT_EQ(WaitForAny(all, 10), WAIT_TIMEOUT);
  const auto wait_while = [&all](auto change) {
    DWORD result = WAIT_FAILED;
    RunInThreads(2, [&](int thread) {
      if (thread == 0) {
        result = WaitForAny(all, kPatience);
      } else {
        change();
      }
    });
    return result;
  };
  EXPECT_EQ(wait_while([&] { Child(TEXT("sets ") + names[0]).IsReady(); }), WAIT_OBJECT_0);
  EXPECT_EQ(wait_while([&] { Child(TEXT("posts ") + names[1]).IsReady(); }), WAIT_OBJECT_0 + 1);
  EXPECT_EQ(wait_while([&] { owner.End(); }), WAIT_ABANDONED_0 + 2);
  // The thread that got it has ended.
  EXPECT_EQ(WaitForAny(all, kPatience), WAIT_ABANDONED_0 + 2);
  Child next_owner(TEXT("owns ") + names[2]);
  EXPECT(ReleaseMutex(mutex.get()));
  REQUIRE(next_owner.IsReady());
  EXPECT_EQ(wait_while([&] { process.End(); }), WAIT_OBJECT_0 + 3);
}
