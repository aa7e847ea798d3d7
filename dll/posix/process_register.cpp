#include "process_register.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <string>
#include <utility>

#include "errors.h"
#include "file_locks.h"
#include "fork.h"
#include "handles.h"
#include "platform.h"
#include "sweep.h"

namespace kernel32 {
namespace {

constexpr int kBytes = 4096;

// What the first byte says, and what that of a process does.
constexpr unsigned char kSwept = 1;
constexpr unsigned char kEntered = 1;
constexpr unsigned char kDead = 2;  // only in what was read: this process has its lock

struct Entry {
  std::string path;
  int fd = -1;
  int byte = 0;
  uid_t user = 0;
  unsigned forks = 0;  // those that lie before the process that is entered

  // Whether it is this process's, and no parent's.
  bool IsOwn() const { return fd >= 0 && forks == Forks(); }
  bool IsOwnAs(uid_t effective_user) const { return IsOwn() && user == effective_user; }
};

struct Register {
  TableMutex mutex;
  Entry own;
};

NeverDestroyed<Register> entered;

std::atomic<int> uses{0};

std::string RegisterPath(uid_t user) {
  return NamespaceDirectory(Namespace::kLocal) + "/dllmemfilemap-processes.user-" +
         std::to_string(user);
}

// Returns -1 if it cannot be opened, or another process keeps removing it.
int OpenRegister(const std::string& path) {
  for (int attempt = 0; attempt < 16; ++attempt) {
    Descriptor fd(OpenFile(path, /*writable=*/true, Namespace::kLocal));
    if (fd.get() >= 0) {
      const int error = LockByte(fd.get(), kAliveByte, F_RDLCK);
      if (error == 0 && IsFileAt(path, fd.get())) return fd.Release();
      if (error != 0 && error != EAGAIN) return -1;
      sched_yield();
    } else if (errno == ENOENT) {
      constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
      const Descriptor made(OpenDescriptor(path.c_str(), kFlags, 0600));
      if (made.get() < 0 && errno != EEXIST) return -1;
      if (made.get() >= 0) fchmod(made.get(), 0600);  // whatever the umask has taken
    } else {
      return -1;
    }
  }
  return -1;
}

// Reads up to `count` bytes. Returns how many there were, or -1.
int ReadBytes(int fd, unsigned char* bytes, off_t from, int count) {
  int done = 0;
  while (done < count) {
    const ssize_t got = Retry([&] { return pread(fd, bytes + done, count - done, from + done); });
    if (got < 0) return -1;
    if (got == 0) break;
    done += static_cast<int>(got);
  }
  return done;
}

bool WriteByte(int fd, int byte, unsigned char value) {
  // Above this limit the kernel would answer with SIGXFSZ, which ends the process.
  rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && static_cast<rlim_t>(byte) >= limit.rlim_cur) {
    return false;
  }
  return Retry([&] { return pwrite(fd, &value, sizeof value, byte); }) == sizeof value;
}

// Gets a byte of its own, which is none of those. Returns 0 if there is none.
int TakeByte(int fd, const unsigned char* bytes, int count) {
  for (int byte = 1; byte < kBytes; ++byte) {
    if ((byte < count && bytes[byte] != 0) || LockByte(fd, byte, F_WRLCK) != 0) continue;
    unsigned char now = 0;
    if (ReadBytes(fd, &now, byte, sizeof now) < 0) return 0;
    if (now == 0) return WriteByte(fd, byte, kEntered) ? byte : 0;
    // Since the bytes were read, a process has set it, and died. The next one sees to that.
    LockByte(fd, byte, F_UNLCK);
  }
  return 0;
}

// Takes the process out of the register, and removes it after the last. A forked child shares the
// locks, so they are cleared, and do not go with the descriptor.
void Leave(const Entry& entry) {
  WriteByte(entry.fd, entry.byte, 0);
  LockByte(entry.fd, entry.byte, F_UNLCK);
  LockByte(entry.fd, kAliveByte, F_UNLCK);
  RemoveIfDead(entry.path, entry.fd);
  CloseDescriptor(entry.fd);
}

// Whether this process is entered in the register of the user that it is now.
bool IsEntered() {
  std::lock_guard<TableMutex> lock(entered->mutex);
  return entered->own.IsOwnAs(geteuid());
}

// Returns whether this process is entered now.
bool EnterRegister() {
  const uid_t user = geteuid();
  const std::string path = RegisterPath(user);
  Descriptor fd(OpenRegister(path));
  if (fd.get() < 0) return false;
  unsigned char bytes[kBytes];
  const int count = ReadBytes(fd.get(), bytes, /*from=*/0, kBytes);
  if (count < 0) return false;
  bool is_swept = count > 0 && bytes[0] == kSwept;
  for (int byte = 1; byte < count; ++byte) {
    if (bytes[byte] == 0 || LockByte(fd.get(), byte, F_WRLCK) != 0) continue;
    bytes[byte] = kDead;
    is_swept = false;
  }
  Entry entry = {path, fd.get(), TakeByte(fd.get(), bytes, count), user, Forks()};
  if (entry.byte == 0) return false;
  if (!is_swept && Sweep(Namespace::kLocal).was_thorough) {
    WriteByte(fd.get(), 0, kSwept);
    for (int byte = 1; byte < count; ++byte) {
      if (bytes[byte] == kDead) WriteByte(fd.get(), byte, 0);
    }
  }
  for (int byte = 1; byte < count; ++byte) {
    if (bytes[byte] == kDead) LockByte(fd.get(), byte, F_UNLCK);
  }
  KeepInForks(fd.get());
  fd.Release();
  bool is_entered;
  {
    std::lock_guard<TableMutex> lock(entered->mutex);
    is_entered = entered->own.IsOwnAs(user);
    if (!is_entered) entered->own = std::move(entry);
  }
  if (is_entered) Leave(entry);  // another thread was faster
  return true;
}

// After handles.cpp has closed what was open. Another thread that uses a name even now enters this
// process anew, or still has its use counted.
__attribute__((destructor(101))) void LeaveAtEnd() {
  Entry own;
  {
    std::lock_guard<TableMutex> lock(entered->mutex);
    if (entered->own.IsOwn()) std::swap(own, entered->own);
  }
  if (own.fd >= 0 && uses == 0) Leave(own);
}

}  // namespace

NamespaceUse::NamespaceUse() { ++uses; }
NamespaceUse::~NamespaceUse() { --uses; }

void EnterNamespace(Namespace scope) {
  static std::atomic<bool> has_swept[2] = {};
  if (scope == Namespace::kLocal && (IsEntered() || EnterRegister())) return;
  if (!has_swept[scope == Namespace::kGlobal].exchange(true)) Sweep(scope);
}

}  // namespace kernel32
