// Adds points to a number that C++ and Node programs share: src/examples/scores.ts does the same.
// Two of them at a time, one point after the other in turns, and then all who wait are told.

#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

namespace {

constexpr int kPoints = 1000;

[[noreturn]] void Fail(const char* what) {
  fprintf(stderr, "%s: error %lu\n", what, static_cast<unsigned long>(GetLastError()));
  exit(1);
}

void Acquire(HANDLE handle) {
  const DWORD result = WaitForSingleObject(handle, INFINITE);
  // The number is whole in the hands of an owner that was killed, too.
  if (result != WAIT_OBJECT_0 && result != WAIT_ABANDONED) Fail("WaitForSingleObject");
}

}  // namespace

extern "C" int wmain(int, WCHAR*[]) {
  const HANDLE mapping = CreateFileMappingW(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE,
                                            /*dwMaximumSizeHigh=*/0, /*dwMaximumSizeLow=*/65536,
                                            TEXT("Local\\Scores"));
  auto* const total = static_cast<int*>(MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0));
  if (!total) Fail("The memory");
  const HANDLE mutex = CreateMutexW(nullptr, /*bInitialOwner=*/FALSE, TEXT("Local\\ScoresLock"));
  const HANDLE seats = CreateSemaphoreW(nullptr, /*lInitialCount=*/2, /*lMaximumCount=*/2,
                                        TEXT("Local\\ScoresSeats"));
  const HANDLE changed = CreateEventW(nullptr, /*bManualReset=*/FALSE, /*bInitialState=*/FALSE,
                                      TEXT("Local\\ScoresChanged"));
  if (!mutex || !seats || !changed) Fail("The objects");

  Acquire(seats);
  for (int i = 0; i < kPoints; ++i) {
    Acquire(mutex);
    ++*total;
    ReleaseMutex(mutex);
  }
  ReleaseSemaphore(seats, 1, /*lpPreviousCount=*/nullptr);
  SetEvent(changed);
  printf("C++ added %d\n", kPoints);

  CloseHandle(changed);
  CloseHandle(seats);
  CloseHandle(mutex);
  UnmapViewOfFile(total);
  CloseHandle(mapping);
  return 0;
}
