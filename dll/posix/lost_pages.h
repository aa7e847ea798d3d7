// What keeps a process alive when the file of one of its views becomes shorter. Whoever may
// write to an object can shorten its file, tmpfs knows no seal against that, and the next touch of
// a page that the file has no more is a SIGBUS.
#ifndef DLLMEMFILEMAP_POSIX_LOST_PAGES_H
#define DLLMEMFILEMAP_POSIX_LOST_PAGES_H

#include <stdint.h>

#include "fork.h"

namespace kernel32 {

// From the first page of the view that is touched and not there any more, this process has zeroed
// memory of its own up to the view's end, and the access goes on in that. The first call sets the
// handler of SIGBUS, which passes every other SIGBUS on to the handler that there was.
//
// Guard and Unguard are called with the GuardMutex held, from before the memory is mapped and until
// it is unmapped. `prot` is as for mmap. Returns null if there is no memory.
TableMutex& GuardMutex();
struct GuardedView;
GuardedView* GuardView(void* address, uint64_t length, int prot);

// To be called before the view is unmapped: waits until no other thread's handler is at work, so
// that none maps memory over what is mapped there next.
void UnguardView(GuardedView* view);

}  // namespace kernel32

#endif
