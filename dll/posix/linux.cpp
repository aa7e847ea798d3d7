#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "errors.h"
#include "platform.h"

namespace kernel32 {

std::string NamespaceDirectory(Namespace) { return "/dev/shm"; }

int Commit(int fd, off_t size) {
  // Above this limit the kernel would answer with SIGXFSZ, which ends the process.
  rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && static_cast<rlim_t>(size) > limit.rlim_cur) {
    return ENOSPC;
  }
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

char** Environment() { return environ; }

std::string ProgramPath() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, length) : std::string();
}

}  // namespace kernel32
