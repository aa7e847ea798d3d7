// Prints the shared text each time that it has changed, up to "the end". It sleeps meanwhile, and
// is woken by whoever writes.

#include <stdio.h>

#include <string>

#include "../samples/utf8.h"
#include "dllmemfilemap.h"
#include "text_slot.h"

namespace {

// Programs with the DLL of the published sample wake nobody.
constexpr DWORD kInterval = 100;  // milliseconds

}  // namespace

extern "C" int wmain() {
  SetConsoleOutputCP(CP_UTF8);
  const TextSlot slot;
  if (!slot.is_taken()) {
    printf("The text is not announced: 'dllmemfilemap doctor' tells why.\n");
    return 1;
  }
  std::basic_string<WCHAR> last;
  while (last != TEXT("the end")) {
    WCHAR text[SHMEMSIZE / sizeof(WCHAR) + 1];
    GetSharedMem(text, sizeof text / sizeof *text);
    if (text != last) {
      printf("%s\n", ToUtf8(text).c_str());
      fflush(stdout);
      last = text;
    } else {
      slot.Wait(kInterval);
    }
  }
  return 0;
}
