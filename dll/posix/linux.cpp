#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "errors.h"
#include "patience.h"
#include "platform.h"

namespace kernel32 {
namespace {

const uint64_t page_size = sysconf(_SC_PAGESIZE);

}  // namespace

std::string NamespaceDirectory(Namespace) { return "/dev/shm"; }

uint64_t PageSize() { return page_size; }

int Commit(int fd, off_t size) {
  // A signal on the way may make tmpfs give all of it back, so that a large file under a periodic
  // timer (a profiler's) would never be done.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error =
      Retry([&] { return fallocate(fd, /*mode=*/0, /*offset=*/0, size); }) == 0 ? 0 : errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return error;
}

namespace {

timespec AsTimespec(int64_t nanoseconds) {
  timespec time = {};
  time.tv_sec = nanoseconds / 1'000'000'000;
  time.tv_nsec = nanoseconds % 1'000'000'000;
  return time;
}

// Returns 0 or an errno.
int SleepOnWord(const SeenWord& word, int64_t end) {
  const timespec time = AsTimespec(end);
  const long result = syscall(SYS_futex, word.word, FUTEX_WAIT_BITSET, word.seen, &time,
                              /*uaddr2=*/nullptr, FUTEX_BITSET_MATCH_ANY);
  return result < 0 ? errno : 0;
}

// Likewise; ENOSYS where the kernel is older than 5.16, EPERM where a container forbids the call.
int SleepOnAnyWord(const SeenWord* words, unsigned count, int64_t end) {
  // As struct futex_waitv and FUTEX_32 in newer headers.
  struct Waiter {
    uint64_t seen;
    uint64_t address;
    uint32_t flags;
    uint32_t reserved;
  };
  constexpr long kFutexWaitv = 449;  // everywhere but on Alpha
  constexpr uint32_t kFutex32 = 2;
  Waiter waiters[64] = {};
  for (unsigned i = 0; i < count; ++i) {
    waiters[i] = {words[i].seen, reinterpret_cast<uintptr_t>(words[i].word), kFutex32, 0};
  }
  const timespec time = AsTimespec(end);
  return syscall(kFutexWaitv, waiters, count, /*flags=*/0, &time, CLOCK_MONOTONIC) < 0 ? errno : 0;
}

}  // namespace

int ReplaceByZeros(void* address, size_t length) {
  // Not mapped there directly: without memory for it, that would leave nothing there.
  void* const zeros = mmap(/*addr=*/nullptr, length, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, /*fd=*/-1, /*offset=*/0);
  if (zeros == MAP_FAILED) return errno;
  if (mremap(zeros, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, address) != MAP_FAILED) return 0;
  const int error = errno;
  munmap(zeros, length);
  return error;
}

void SleepOnWords(const SeenWord* words, unsigned count, int64_t end) {
  int error = count == 1 ? SleepOnWord(words[0], end) : SleepOnAnyWord(words, count, end);
  if (error == ENOSYS || error == EPERM) {
    // Without the call for several, it sleeps on the first for so long that the others are not
    // looked at too late.
    constexpr int64_t kGlance = 2'000'000;
    error = SleepOnWord(words[0], std::min(end, Now() + kGlance));
  }
  const bool is_expected = error == 0 || error == EAGAIN || error == EINTR || error == ETIMEDOUT;
  if (is_expected) return;
  // EFAULT: the file has become shorter, and the next look at the word puts memory there. Whatever
  // else it is, the caller must not ask again without a pause.
  const timespec pause = {0, 1'000'000};
  nanosleep(&pause, nullptr);
}

void WakeSleepers(std::atomic<uint32_t>* word) {
  syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, /*timeout=*/nullptr, /*uaddr2=*/nullptr, 0);
}

// Not one that somebody sent, and not memory that is broken.
bool MayBeMissingPage(const siginfo_t& fault, const void* /*context*/, int /*prot*/) {
  return fault.si_code == BUS_ADRERR;
}

bool IsMissing(const void* /*address*/) { return true; }

bool IsLinkedIntoProgram(const char* symbol, const void* address) {
  void* const program = dlopen(nullptr, RTLD_LAZY);
  if (!program) return false;
  const bool linked = dlsym(program, symbol) == address;
  dlclose(program);
  return linked;
}

char** Environment() { return environ; }

std::string ProgramPath() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, length) : std::string();
}

}  // namespace kernel32
