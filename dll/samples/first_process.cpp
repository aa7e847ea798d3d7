// Creates named shared memory with a message in it, and keeps it until a key is pressed.

#include <stdio.h>
#include <string.h>
#include <windows.h>

namespace {

constexpr DWORD BUF_SIZE = 256;
const WCHAR kName[] = TEXT("Global\\MyFileMappingObject");
const WCHAR kMessage[] = TEXT("Message from first process.");

// Waits for one key, or one byte where the standard input is no console.
void WaitForKey() {
  const HANDLE input = GetStdHandle(STD_INPUT_HANDLE);
  DWORD mode = 0;
  const BOOL is_console = GetConsoleMode(input, &mode);
  if (is_console) SetConsoleMode(input, ENABLE_PROCESSED_INPUT);
  char key;
  DWORD count = 0;
  ReadFile(input, &key, sizeof key, &count, /*lpOverlapped=*/nullptr);
  if (is_console) SetConsoleMode(input, mode);
}

}  // namespace

extern "C" int wmain() {
  const HANDLE mapping =
      CreateFileMappingW(INVALID_HANDLE_VALUE, /*lpFileMappingAttributes=*/nullptr, PAGE_READWRITE,
                         /*dwMaximumSizeHigh=*/0, BUF_SIZE, kName);
  if (!mapping) {
    printf("Could not create file mapping object (%lu).\n",
           static_cast<unsigned long>(GetLastError()));
    return 1;
  }
  void* const view = MapViewOfFile(mapping, FILE_MAP_ALL_ACCESS, /*dwFileOffsetHigh=*/0,
                                   /*dwFileOffsetLow=*/0, BUF_SIZE);
  if (!view) {
    printf("Could not map view of file (%lu).\n", static_cast<unsigned long>(GetLastError()));
    CloseHandle(mapping);
    return 1;
  }
  memcpy(view, kMessage, sizeof kMessage);  // with its terminator
  WaitForKey();
  UnmapViewOfFile(view);
  CloseHandle(mapping);
  return 0;
}
