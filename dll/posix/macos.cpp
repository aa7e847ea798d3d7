#include <crt_externs.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mach-o/dyld.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#if __has_include(<os/os_sync_wait_on_address.h>)
#include <os/clock.h>
#include <os/os_sync_wait_on_address.h>
#endif

#include "patience.h"
#include "platform.h"

namespace kernel32 {

std::string NamespaceDirectory(Namespace scope) {
  if (scope == Namespace::kGlobal) return "/private/tmp";
  char path[PATH_MAX];
  const size_t size = confstr(_CS_DARWIN_USER_TEMP_DIR, path, sizeof path);
  if (size == 0 || size > sizeof path) return "/private/tmp";
  std::string directory(path);
  while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
  return directory;
}

int Commit(int fd, off_t size) {
  // Above this limit the kernel would answer with SIGXFSZ, which ends the process.
  rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && static_cast<rlim_t>(size) > limit.rlim_cur) {
    return ENOSPC;
  }
  fstore_t store = {F_ALLOCATEALL, F_PEOFPOSMODE, /*fst_offset=*/0, /*fst_length=*/size, 0};
  if (fcntl(fd, F_PREALLOCATE, &store) != 0) return errno;
  return ftruncate(fd, size) == 0 ? 0 : errno;
}

int ReplaceByZeros(void* address, size_t length) {
  void* const zeros = mmap(address, length, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANON | MAP_FIXED, /*fd=*/-1, /*offset=*/0);
  return zeros == MAP_FAILED ? errno : 0;
}

// There is no call that sleeps on several words, and before macOS 14.4 none that sleeps on one that
// processes share: it then looks at intervals.
void SleepOnWords(const SeenWord* words, unsigned count, int64_t end) {
  constexpr int64_t kGlance = 2'000'000;
  const int64_t longest = end - Now();
  if (longest <= 0) return;
#if __has_include(<os/os_sync_wait_on_address.h>)
  if (__builtin_available(macOS 14.4, *)) {
    const int64_t most = count == 1 ? longest : std::min(longest, kGlance);
    os_sync_wait_on_address_with_timeout(words[0].word, words[0].seen, sizeof(uint32_t),
                                         OS_SYNC_WAIT_ON_ADDRESS_SHARED,
                                         OS_CLOCK_MACH_ABSOLUTE_TIME, static_cast<uint64_t>(most));
    return;
  }
#endif
  for (unsigned i = 0; i < count; ++i) {
    if (*words[i].word != words[i].seen) return;
  }
  const timespec pause = {0, static_cast<long>(std::min(longest, kGlance))};
  nanosleep(&pause, nullptr);
}

void WakeSleepers(std::atomic<uint32_t>* word) {
#if __has_include(<os/os_sync_wait_on_address.h>)
  if (__builtin_available(macOS 14.4, *)) {
    os_sync_wake_by_address_all(word, sizeof(uint32_t), OS_SYNC_WAKE_BY_ADDRESS_SHARED);
  }
#else
  static_cast<void>(word);
#endif
}

// A library has no environ of its own to link against.
char** Environment() { return *_NSGetEnviron(); }

std::string ProgramPath() {
  char path[PATH_MAX];
  uint32_t size = sizeof path;
  return _NSGetExecutablePath(path, &size) == 0 ? path : "";
}

}  // namespace kernel32
