// Writes a string into the memory that the DLL's users share, and starts its first argument, a
// whole command line, to read it.

#include <stdio.h>

#include "dllmemfilemap.h"

namespace {

// Returns the new process's handle, which the caller closes, or null.
HANDLE StartChild(LPWSTR command_line) {
  STARTUPINFOW startup = {};
  startup.cb = sizeof startup;
  PROCESS_INFORMATION process = {};
  if (!CreateProcessW(/*lpApplicationName=*/nullptr, command_line, /*lpProcessAttributes=*/nullptr,
                      /*lpThreadAttributes=*/nullptr, /*bInheritHandles=*/TRUE,
                      /*dwCreationFlags=*/0, /*lpEnvironment=*/nullptr,
                      /*lpCurrentDirectory=*/nullptr, &startup, &process)) {
    printf("CreateProcess failed (%lu)\n", static_cast<unsigned long>(GetLastError()));
    return nullptr;
  }
  CloseHandle(process.hThread);
  return process.hProcess;
}

}  // namespace

extern "C" int wmain(int argc, WCHAR* argv[]) {
  if (argc < 2) {
    printf("Please specify an input file");
    return 0;
  }
  printf("\nProcess is writing to shared memory...\n\n");
  fflush(stdout);  // the child writes to the same place
  WCHAR text[] = TEXT("This is a test string");
  SetSharedMem(text);
  // The memory would be gone if this process ended before the child has read it.
  if (const HANDLE child = StartChild(argv[1])) {
    WaitForSingleObject(child, INFINITE);
    CloseHandle(child);
  }
  return 0;
}
