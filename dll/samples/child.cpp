// Prints the string that the DLL's users share.

#include <stdio.h>

#include "dllmemfilemap.h"
#include "utf8.h"

extern "C" int wmain() {
  SetConsoleOutputCP(CP_UTF8);
  WCHAR text[MAX_PATH];
  GetSharedMem(text, MAX_PATH);
  printf("Child process read from shared memory: %s\n", ToUtf8(text).c_str());
  return 0;
}
