#include "process_register.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "file_io.h"
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
};

// One for each user that this process has been, and those of its parents.
struct EntryTable {
  TableMutex mutex;
  std::vector<Entry> entries;
};

NeverDestroyed<EntryTable> table;

std::atomic<int> uses{0};

__attribute__((constructor)) void BeReadyForForks() {
  pthread_atfork(nullptr, nullptr, [] { uses = 0; });
}

std::string RegisterPath(uid_t user) {
  return NamespaceDirectory(Namespace::kLocal) + "/dllmemfilemap-processes.user-" +
         std::to_string(user);
}

// Whether nobody but this user can have opened the file, by any of its paths.
bool IsPrivate(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && status.st_nlink == 1 && (status.st_mode & 077) == 0;
}

// Returns -1 if it cannot be opened, or another process keeps removing it.
int OpenRegister(const std::string& path) {
  for (int attempt = 0; attempt < 16; ++attempt) {
    Descriptor fd(OpenFile(path, /*writable=*/true, Namespace::kLocal));
    if (fd.get() >= 0) {
      if (!IsPrivate(fd.get())) return -1;
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

bool WriteByte(int fd, int byte, unsigned char value) {
  if (IsAboveSizeLimit(static_cast<uint64_t>(byte) + 1)) return false;
  return WriteAt(fd, &value, sizeof value, byte) == 0;
}

// Gets a byte of its own, which is none of those. Returns 0 if there is none.
int TakeByte(int fd, const unsigned char* bytes, ssize_t count) {
  for (int byte = 1; byte < kBytes; ++byte) {
    if ((byte < count && bytes[byte] != 0) || LockByte(fd, byte, F_WRLCK) != 0) continue;
    unsigned char now = 0;
    if (ReadAt(fd, &now, sizeof now, byte) < 0) return 0;
    if (now == 0) return WriteByte(fd, byte, kEntered) ? byte : 0;
    // Since the bytes were read, a process has set it, and died. The next one sees to that.
    LockByte(fd, byte, F_UNLCK);
  }
  return 0;
}

// Takes the process out of the register, and removes the register after the last. A forked child
// shares the locks, so they are cleared, and do not go with the descriptor.
void Leave(const Entry& entry) {
  // The program may have closed the descriptor, and another file may have it now.
  if (entry.byte != 0 && IsFileAt(entry.path, entry.fd)) {
    WriteByte(entry.fd, entry.byte, 0);
    LockByte(entry.fd, entry.byte, F_UNLCK);
  }
  LockByte(entry.fd, kAliveByte, F_UNLCK);
  RemoveIfDead(entry.path, entry.fd);
  CloseDescriptor(entry.fd);
}

// Whether this process is entered in the user's register. The caller has the mutex.
bool IsEnteredAs(uid_t user) {
  for (const Entry& entry : table->entries) {
    if (entry.user == user && entry.forks == Forks()) return true;
  }
  return false;
}

// Gets a byte for the entry, and sweeps if that is needed. Returns whether the process is entered.
bool Enter(Entry* entry) {
  unsigned char bytes[kBytes];
  const ssize_t count = ReadAt(entry->fd, bytes, sizeof bytes, /*offset=*/0);
  if (count < 0) return false;
  const bool is_swept = count > 0 && bytes[0] == kSwept;
  bool has_dead = false;
  for (int byte = 1; byte < count; ++byte) {
    if (bytes[byte] == 0 || LockByte(entry->fd, byte, F_WRLCK) != 0) continue;
    bytes[byte] = kDead;
    has_dead = true;
  }
  entry->byte = TakeByte(entry->fd, bytes, count);
  // Where all bytes are set, those of the dead have to be cleared first.
  if (entry->byte == 0 && !has_dead) return false;
  const bool clears = (has_dead || !is_swept) && Sweep(Namespace::kLocal).was_thorough;
  if (clears) WriteByte(entry->fd, 0, kSwept);
  for (int byte = 1; byte < count; ++byte) {
    if (bytes[byte] != kDead) continue;
    if (clears && WriteByte(entry->fd, byte, 0)) bytes[byte] = 0;
    LockByte(entry->fd, byte, F_UNLCK);
  }
  if (entry->byte == 0) entry->byte = TakeByte(entry->fd, bytes, count);
  return entry->byte != 0;
}

// Returns whether this process is entered now.
bool EnterRegister(uid_t user) {
  std::string path = RegisterPath(user);
  Descriptor fd(OpenRegister(path));
  if (fd.get() < 0) return false;
  Entry entry = {std::move(path), fd.get(), /*byte=*/0, user, Forks()};
  const bool has_byte = Enter(&entry);
  bool is_first = false;
  if (has_byte) {
    std::lock_guard<TableMutex> lock(table->mutex);
    is_first = !IsEnteredAs(user);
    if (is_first) table->entries.push_back(entry);
  }
  fd.Release();
  if (is_first) {
    KeepInForks(entry.fd);
  } else {
    Leave(entry);  // without a byte, or another thread was faster
  }
  return has_byte;
}

// Windows closes a process's handles when it ends, so that names end with it. Another thread that
// uses a name even now enters this process anew, or still has its use counted.
__attribute__((destructor)) void EndUse() {
  CloseAllHandles();
  std::vector<Entry> entries;
  {
    std::lock_guard<TableMutex> lock(table->mutex);
    entries.swap(table->entries);
  }
  if (uses != 0) return;
  for (const Entry& entry : entries) {
    if (entry.forks == Forks()) Leave(entry);
  }
}

}  // namespace

NamespaceUse::NamespaceUse() : forks_(Forks()) { ++uses; }

NamespaceUse::~NamespaceUse() {
  if (!IsInherited()) --uses;
}

bool NamespaceUse::IsInherited() const { return forks_ != Forks(); }

void NamespaceUse::LeaveFileBehind() { ++uses; }

void EnterNamespace(Namespace scope) {
  static std::atomic<bool> has_swept[2] = {};
  if (scope == Namespace::kLocal) {
    const uid_t user = geteuid();
    {
      std::lock_guard<TableMutex> lock(table->mutex);
      if (IsEnteredAs(user)) return;
    }
    if (EnterRegister(user)) return;
  }
  if (!has_swept[scope == Namespace::kGlobal].exchange(true)) Sweep(scope);
}

}  // namespace kernel32
