// What Debian's C++ library takes of glibc, and musl has not.

#include <stddef.h>

extern "C" {

int getentropy(void* buffer, size_t size);

extern const char __libc_single_threaded;
const char __libc_single_threaded = 0;

// Finds nothing, so that it is looked for as before glibc had this.
int _dl_find_object(void* /*address*/, void* /*result*/) { return -1; }

unsigned arc4random() {
  unsigned number = 0;
  getentropy(&number, sizeof number);
  return number;
}
}
