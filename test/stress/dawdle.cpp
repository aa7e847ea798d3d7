// Preloaded into a worker (LD_PRELOAD), it now and then pauses for some microseconds in front of
// the system calls that decide how long a name lives. So another process's step, or a kill, falls
// between two of them far more often than by itself.

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <random>

namespace {

void Dawdle() {
  thread_local std::minstd_rand random(static_cast<unsigned>(getpid()) * 31 +
                                       static_cast<unsigned>(gettid()));
  static const unsigned rarity = 4u << getpid() % 3 * 2;  // 4, 16 or 64
  if (random() % rarity != 0) return;
  const timespec pause = {0, static_cast<long>(random() % 500'000)};
  nanosleep(&pause, nullptr);
}

// The function of the C library that this one stands in front of.
template <typename Function>
Function Next(Function, const char* name) {
  Dawdle();
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

#define NEXT(function) Next(&function, #function)

extern "C" {

int link(const char* from, const char* to) noexcept { return NEXT(link)(from, to); }

int unlink(const char* path) noexcept { return NEXT(unlink)(path); }

int fchmod(int fd, mode_t mode) noexcept { return NEXT(fchmod)(fd, mode); }

int fstat(int fd, struct stat* status) noexcept { return NEXT(fstat)(fd, status); }

int lstat(const char* path, struct stat* status) noexcept { return NEXT(lstat)(path, status); }

int fcntl(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  return NEXT(fcntl)(fd, command, argument);
}
}
