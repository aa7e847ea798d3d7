// Opens the shared memory that first_process creates, and shows the message in it.

#include <stdio.h>
#include <string.h>
#include <windows.h>

namespace {

constexpr DWORD BUF_SIZE = 256;
const WCHAR kName[] = TEXT("Global\\MyFileMappingObject");

}  // namespace

extern "C" int wmain() {
  const HANDLE mapping = OpenFileMappingW(FILE_MAP_ALL_ACCESS, /*bInheritHandle=*/FALSE, kName);
  if (!mapping) {
    printf("Could not open file mapping object (%lu).\n",
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
  // Whoever wrote it may have left out the terminator.
  WCHAR text[BUF_SIZE / sizeof(WCHAR) + 1] = {};
  memcpy(text, view, BUF_SIZE);
  MessageBoxW(/*hWnd=*/nullptr, text, TEXT("Process2"), MB_OK);
  UnmapViewOfFile(view);
  CloseHandle(mapping);
  return 0;
}
