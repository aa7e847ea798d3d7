// Handles of every kind, what is none, and the last error.

#include <initializer_list>

#include "child.h"
#include "fixtures.h"
#include "test.h"
#include "threads.h"

using namespace test;

TEST("CloseHandle of what is no handle is ERROR_INVALID_HANDLE") {
  int stack = 42;
  const Handle mapping(CreateAnonymous());
  const View view(Map(mapping.get()));
  for (const HANDLE handle : kNoHandles) EXPECT_FAILS(CloseHandle(handle), ERROR_INVALID_HANDLE);
  EXPECT_FAILS(CloseHandle(&stack), ERROR_INVALID_HANDLE);
  EXPECT_FAILS(CloseHandle(view.get()), ERROR_INVALID_HANDLE);
}

TEST("CloseHandle of a handle that is closed is ERROR_INVALID_HANDLE") {
  const HANDLE mapping = CreateAnonymous();
  EXPECT_KEEPS_LAST_ERROR(CloseHandle(mapping));
  EXPECT_FAILS(CloseHandle(mapping), ERROR_INVALID_HANDLE);
  EXPECT_FAILS(CloseHandle(mapping), ERROR_INVALID_HANDLE);
}

TEST("The two low bits of a handle are ignored") {
  const auto with_bits = [](HANDLE handle, ULONG_PTR bits) {
    return reinterpret_cast<HANDLE>(reinterpret_cast<ULONG_PTR>(handle) | bits);
  };
  for (const ULONG_PTR bits : {1, 2, 3}) {
    const Case description("bits " + std::to_string(bits));
    const HANDLE mapping = CreateAnonymous();
    const View view(Map(with_bits(mapping, bits)));
    EXPECT(view);
    EXPECT_KEEPS_LAST_ERROR(CloseHandle(with_bits(mapping, bits)));
    EXPECT_FAILS(CloseHandle(mapping), ERROR_INVALID_HANDLE);
    EXPECT_FAILS(CloseHandle(with_bits(mapping, bits)), ERROR_INVALID_HANDLE);
  }
}

TEST("A standard handle is none of those that were opened") {
  const Handle first(CreateAnonymous()), second(CreateAnonymous()), third(CreateAnonymous());
  for (const DWORD which : {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE}) {
    EXPECT(Map(GetStdHandle(which), FILE_MAP_READ) == nullptr);
  }
}

TEST("Closing the pseudo handle of this process has no effect") {
  const Handle mapping(CreateAnonymous());
  CloseHandle(INVALID_HANDLE_VALUE);
  CloseHandle(INVALID_HANDLE_VALUE);
  const View view(Map(mapping.get()));
  EXPECT(view);
}

TEST("MapViewOfFile of what is no handle is ERROR_INVALID_HANDLE") {
  for (const HANDLE handle : kNoHandles) {
    EXPECT_FAILS(Map(handle, FILE_MAP_READ), ERROR_INVALID_HANDLE);
  }
  EXPECT_FAILS(Map(INVALID_HANDLE_VALUE, FILE_MAP_READ), ERROR_INVALID_HANDLE);
  const HANDLE closed = CreateAnonymous();
  EXPECT(CloseHandle(closed));
  EXPECT_FAILS(Map(closed, FILE_MAP_READ), ERROR_INVALID_HANDLE);
}

TEST("MapViewOfFile of a handle of another kind is ERROR_INVALID_HANDLE") {
  const Child child(TEXT("waiting"));
  REQUIRE(child.IsReady());
  EXPECT_FAILS(Map(child.process(), FILE_MAP_READ), ERROR_INVALID_HANDLE);
}

TEST("WaitForSingleObject of what is no handle is ERROR_INVALID_HANDLE") {
  for (const HANDLE handle : kNoHandles) {
    for (const DWORD milliseconds : std::initializer_list<DWORD>{0, INFINITE}) {
      SetLastError(kUntouched);
      const DWORD result = WaitForSingleObject(handle, milliseconds);
      EXPECT_EQ(GetLastError(), ERROR_INVALID_HANDLE);
      EXPECT_EQ(result, WAIT_FAILED);
    }
  }
}

TEST("WaitForSingleObject of a mapping is ERROR_ACCESS_DENIED") {
  const Handle mapping(CreateAnonymous());
  for (const DWORD milliseconds : std::initializer_list<DWORD>{0, INFINITE}) {
    SetLastError(kUntouched);
    const DWORD result = WaitForSingleObject(mapping.get(), milliseconds);
    EXPECT_EQ(GetLastError(), ERROR_ACCESS_DENIED);
    EXPECT_EQ(result, WAIT_FAILED);
  }
}

TEST("Handles are never null nor INVALID_HANDLE_VALUE and differ while they are open") {
  const Text name = UniqueName();
  const Handle first(Create(name));
  const Handle second(Create(name));
  const Handle third(Open(name));
  const Handle fourth(CreateAnonymous());
  for (const HANDLE handle : {first.get(), second.get(), third.get(), fourth.get()}) {
    EXPECT(handle != nullptr && handle != INVALID_HANDLE_VALUE);
  }
  EXPECT(first.get() != second.get() && second.get() != third.get());
  EXPECT(first.get() != third.get() && third.get() != fourth.get());
}

TEST("Handles and views may be used and closed by any thread") {
  const Text name = UniqueName();
  const HANDLE created = Create(name);
  LPVOID view = nullptr;
  RunInThreads(1, [&](int) {
    view = Map(created);
    if (view) *static_cast<BYTE*>(view) = 42;
  });
  REQUIRE(view != nullptr);
  EXPECT_EQ(*static_cast<BYTE*>(view), 42);
  BOOL closed = FALSE, unmapped = FALSE;
  RunInThreads(1, [&](int) {
    closed = CloseHandle(created);
    unmapped = UnmapViewOfFile(view);
  });
  EXPECT(closed);
  EXPECT(unmapped);
  EXPECT_FAILS(CloseHandle(created), ERROR_INVALID_HANDLE);
  EXPECT_FAILS(Open(name), ERROR_FILE_NOT_FOUND);
}

TEST("The last error belongs to its thread") {
  SetLastError(5);
  DWORD at_start = kUntouched;
  DWORD after_setting = kUntouched;
  DWORD after_failing = kUntouched;
  RunInThreads(1, [&](int) {
    at_start = GetLastError();
    SetLastError(77);
    after_setting = GetLastError();
    CloseHandle(nullptr);
    after_failing = GetLastError();
  });
  SetLastError(5);
  RunInThreads(1, [](int) { CloseHandle(nullptr); });
  // The thread's own start and end may have called anything here, but not failed so.
  EXPECT(GetLastError() != ERROR_INVALID_HANDLE);
  EXPECT_EQ(at_start, ERROR_SUCCESS);
  EXPECT_EQ(after_setting, 77);
  EXPECT_EQ(after_failing, ERROR_INVALID_HANDLE);
}

TEST("SetLastError takes any number") {
  for (const DWORD error : std::initializer_list<DWORD>{0, 1, 0x20001234, 0x7FFFFFFF, 0xFFFFFFFF}) {
    SetLastError(error);
    EXPECT_EQ(GetLastError(), error);
    EXPECT_EQ(GetLastError(), error);
  }
}

TEST("Calls that succeed leave the last error as it was except CreateFileMappingW") {
  const Text name = UniqueName();
  const Handle mapping(Create(name));
  HANDLE opened = nullptr;
  EXPECT_KEEPS_LAST_ERROR(opened = Open(name));
  LPVOID view = nullptr;
  EXPECT_KEEPS_LAST_ERROR(view = Map(opened));
  MEMORY_BASIC_INFORMATION information;
  EXPECT_KEEPS_LAST_ERROR(VirtualQuery(view, &information, sizeof information));
  EXPECT_KEEPS_LAST_ERROR(UnmapViewOfFile(view));
  EXPECT_KEEPS_LAST_ERROR(CloseHandle(opened));
  EXPECT_KEEPS_LAST_ERROR(GetCurrentProcessId());
  EXPECT_KEEPS_LAST_ERROR(lstrlenW(TEXT("text")));
}

TEST("No call crashes whatever numbers it gets") {
  constexpr DWORD kNumbers[] = {0,      1,       2,          3,          4,          0x10,
                                0x20,   0x40,    0x80,       0xFFFF,     0x10000,    0xF001F,
                                0xABCD, 0x80000, 0x12345678, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
  const Text name = UniqueName();
  const Handle mapping(Create(name, 2 * kGranularity));
  for (const DWORD first : kNumbers) {
    CloseHandle(Open(name, first));
    CloseHandle(CreateAnonymous(PageSize(), first));
    for (const DWORD second : kNumbers) {
      UnmapViewOfFile(Map(mapping.get(), first, /*offset=*/0, second));
      UnmapViewOfFile(Map(mapping.get(), FILE_MAP_READ, uint64_t{first} << 32 | second));
      UnmapViewOfFile(Map(mapping.get(), FILE_MAP_READ, /*offset=*/0,
                          static_cast<SIZE_T>(first) << 32 | second));
      UnmapViewOfFile(Map(mapping.get(), FILE_MAP_COPY, kGranularity,
                          static_cast<SIZE_T>(first) << 32 | second));
      const auto number = static_cast<ULONG_PTR>(first) << 32 | second;
      MEMORY_BASIC_INFORMATION information;
      VirtualQuery(reinterpret_cast<LPCVOID>(number), &information, sizeof information);
      Map(reinterpret_cast<HANDLE>(number | 0xFFFFF0000000), FILE_MAP_READ);
      CloseHandle(reinterpret_cast<HANDLE>(number | 0xFFFFF0000000));
    }
  }
  const View view(Map(mapping.get()));
  REQUIRE(view);
  view[2 * kGranularity - 1] = 42;
}
