#include "named_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <utility>

#include "errors.h"
#include "platform.h"

namespace kernel32 {
namespace {

constexpr char kMagic[16] = "dllmemfilemap1\n";

// The first page of every file.
struct Header {
  char magic[sizeof kMagic];
  NamedFile::Properties properties;
  uint32_t name_length;
  char16_t name[MAX_PATH];
};
static_assert(sizeof(Header) <= 4096, "has to fit into the smallest page");

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// Waiting for another process that is between two system calls: first a few turns of the scheduler,
// then pauses. It may have been stopped there, so the waiting has an end.
class Patience {
 public:
  // Pauses; returns false when five seconds have passed.
  bool Wait() {
    if (++turns_ <= 16) {
      sched_yield();
      return true;
    }
    const timespec pause = {0, 500'000};
    nanosleep(&pause, nullptr);
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (turns_ == 17) since_ = now.tv_sec;
    return now.tv_sec - since_ <= 5;
  }

 private:
  int turns_ = 0;
  time_t since_ = 0;
};

// Sets or clears (F_UNLCK) the lock that says that the object is alive, without waiting. Returns 0
// or an errno.
int Lock(int fd, short type) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  return fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

bool IsHeldByOthers(int lock_error) { return lock_error == EAGAIN || lock_error == EACCES; }

// The lock that somebody else holds: F_RDLCK says that the object is alive, F_WRLCK that somebody
// is about to remove its file, and F_UNLCK that it is dead.
short LockOfOthers(int fd) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  return fcntl(fd, F_OFD_GETLK, &lock) == 0 ? lock.l_type : short{F_UNLCK};
}

bool IsFileAt(const std::string& path, int fd) {
  struct stat named, opened;
  return lstat(path.c_str(), &named) == 0 && fstat(fd, &opened) == 0 &&
         named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

// Frees the name if nobody has the object open. Returns whether nobody had.
bool RemoveIfDead(const std::string& path, int fd) {
  if (Lock(fd, F_WRLCK) != 0) return false;
  if (IsFileAt(path, fd)) unlink(path.c_str());
  return true;
}

// Opens what may be a file of ours without following, trusting or waiting for what somebody else
// put there. Returns -1 and sets errno if that is not possible.
int OpenFile(const std::string& path, bool writable, Namespace scope) {
  constexpr int kFlags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  int opened = open(path.c_str(), O_RDWR | kFlags);
  if (opened < 0 && errno == EACCES && !writable) opened = open(path.c_str(), O_RDONLY | kFlags);
  Descriptor fd(opened);
  struct stat status;
  if (fd.get() < 0 || fstat(fd.get(), &status) != 0) {
    if (errno == EWOULDBLOCK) errno = EACCES;  // its owner holds a lease on it
    return -1;
  }
  if (!S_ISREG(status.st_mode) || (scope == Namespace::kLocal && status.st_uid != geteuid())) {
    errno = EACCES;
    return -1;
  }
  return fd.Release();
}

constexpr char kNew[] = "new-";  // what a passing name goes on with

// Removes what processes that are dead by now left in the namespace. Returns whether there was
// anything, or somebody is preparing a file.
bool Sweep(Namespace scope) {
  bool found = false;
  const std::string prefix = PathPrefix(scope);
  const size_t slash = prefix.rfind('/');
  DIR* directory = opendir(prefix.substr(0, slash).c_str());
  if (!directory) return false;
  while (const dirent* entry = readdir(directory)) {
    if (strncmp(entry->d_name, prefix.c_str() + slash + 1, prefix.size() - slash - 1) != 0)
      continue;
    const std::string path = prefix.substr(0, slash + 1) + entry->d_name;
    const Descriptor fd(OpenFile(path, /*writable=*/true, scope));
    if (fd.get() < 0) continue;
    const bool is_new = path.compare(prefix.size(), strlen(kNew), kNew) == 0;
    if (RemoveIfDead(path, fd.get()) ? !IsFileAt(path, fd.get()) : is_new) found = true;
  }
  closedir(directory);
  return found;
}

void SweepOnce(Namespace scope) {
  static std::once_flag swept[2];
  std::call_once(swept[scope == Namespace::kGlobal], [scope] { Sweep(scope); });
}

// Makes and opens a new file under a name that nobody else uses.
int MakeFile(Namespace scope, std::string* path) {
  static std::atomic<unsigned> count;
  for (;;) {
    *path = PathPrefix(scope) + kNew + std::to_string(getpid()) + "-" + std::to_string(count++);
    const int fd = open(path->c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0) return fd;
    if (errno == ENOENT) errno = ENOTDIR;  // the directory itself is missing
    if (errno != EEXIST) return -1;
  }
}

// To be said of the directory, without which nobody can make a file.
template <typename T>
T FailToMake(Namespace scope, int error, T failure = T()) {
  const DWORD code = ErrorFromErrno(error);
  const bool directory_matters = error == ENOTDIR || error == EACCES || error == EROFS;
  if (!directory_matters) return Fail<T>(code, std::move(failure));
  const char* const trouble = error == EROFS ? ", on a file system that is mounted read-only" : "";
  return FailAt<T>(NamespaceDirectory(scope), code, trouble, std::move(failure));
}

std::unique_ptr<NamedFile> FailAsBusy(const ObjectName& name) {
  return FailAt<std::unique_ptr<NamedFile>>(
      name.Path(), ERROR_BUSY, ", and a process holds the lock on it that is for removing it");
}

// Gives a new file its memory, header and permissions. Returns 0 or an errno.
int Prepare(int fd, std::u16string_view name, const NamedFile::Properties& properties) {
  // As on Windows, a size that no machine has is not even tried.
  constexpr uint64_t kTooLarge = uint64_t{1} << 44;
  if (properties.size >= kTooLarge) return EFBIG;
  if (const int error = Commit(fd, PageSize() + InWholePages(properties.size))) return error;
  Header header = {};
  memcpy(header.magic, kMagic, sizeof kMagic);
  header.properties = properties;
  header.name_length = name.size();
  name.copy(header.name, MAX_PATH);
  if (pwrite(fd, &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header)) return errno;
  return fchmod(fd, properties.mode) == 0 ? 0 : errno;
}

// Whether the file is whole, is the object of that name, and has the permissions that its creator
// gave it.
bool ReadHeader(int fd, std::u16string_view name, NamedFile::Properties* properties) {
  Header header;
  struct stat status;
  if (pread(fd, &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header) ||
      fstat(fd, &status) != 0) {
    return false;
  }
  *properties = header.properties;
  return memcmp(header.magic, kMagic, sizeof kMagic) == 0 && header.name_length == name.size() &&
         name.compare(0, name.size(), header.name, header.name_length) == 0 &&
         (status.st_mode & 07777) == properties->mode &&
         properties->size <= static_cast<uint64_t>(status.st_size) &&
         static_cast<uint64_t>(status.st_size) == PageSize() + InWholePages(properties->size);
}

}  // namespace

uint64_t PageSize() {
  static const uint64_t size = sysconf(_SC_PAGESIZE);
  return size;
}

uint64_t InWholePages(uint64_t size) { return (size + PageSize() - 1) / PageSize() * PageSize(); }

NamedFile::NamedFile(int fd, std::string path, const Properties& properties)
    : fd_(fd), path_(std::move(path)), properties_(properties), owner_(getpid()) {}

NamedFile::~NamedFile() {
  if (!path_.empty() && getpid() == owner_) {
    Lock(fd_, F_UNLCK);
    // Of several that let go at the same moment, the last to get here finds nobody and frees the
    // name.
    RemoveIfDead(path_, fd_);
  }
  close(fd_);
}

off_t NamedFile::memory_offset() const { return PageSize(); }

uint64_t NamedFile::memory_size() const { return InWholePages(properties_.size); }

NamedFile::Result NamedFile::OpenAlive(const ObjectName& name, bool writable,
                                       std::unique_ptr<NamedFile>* file) {
  const std::string path = name.Path();
  Descriptor fd(OpenFile(path, writable, name.scope));
  if (fd.get() < 0) {
    if (errno == ENOENT) return Result::kNothing;
    return FailAt<Result>(path, ErrorFromErrno(errno), /*trouble=*/"", Result::kFailed);
  }
  // Only a shared lock says that the object is alive. Whoever holds the exclusive one may die
  // before it has removed the file, and a shared lock got then would bring the dead back.
  const short held = LockOfOthers(fd.get());
  if (held == F_UNLCK) {
    const bool is_writable = (fcntl(fd.get(), F_GETFL) & O_ACCMODE) == O_RDWR;
    if (is_writable && !RemoveIfDead(path, fd.get())) return Result::kBusy;
    // A dead file that is still there is another user's, in a directory where only its owner may
    // remove it.
    return IsFileAt(path, fd.get()) ? Result::kTaken : Result::kNothing;
  }
  Properties properties;
  if (!ReadHeader(fd.get(), name.text, &properties)) {  // not ours: nothing to wait for
    return FailAt<Result>(path, ERROR_ACCESS_DENIED,
                          ", but is not, or no longer, what a creator of this name has made",
                          Result::kFailed);
  }
  if (held == F_WRLCK) return Result::kBusy;
  if (const int error = Lock(fd.get(), F_RDLCK)) {
    if (IsHeldByOthers(error)) return Result::kBusy;
    return Fail<Result>(ErrorFromErrno(error), Result::kFailed);
  }
  // Its last holder may have gone meanwhile, and left nobody but this call.
  if (!IsFileAt(path, fd.get()) || LockOfOthers(fd.get()) == F_UNLCK) return Result::kBusy;
  file->reset(new NamedFile(fd.Release(), path, properties));
  return Result::kDone;
}

NamedFile::Result NamedFile::Publish(const ObjectName& name, const Properties& properties,
                                     std::unique_ptr<NamedFile>* file) {
  std::string passing_path;
  Descriptor fd(MakeFile(name.scope, &passing_path));
  if (fd.get() < 0) return FailToMake<Result>(name.scope, errno, Result::kFailed);
  const std::string path = name.Path();
  int error = Lock(fd.get(), F_RDLCK);
  // Before the lock was held, another process's sweep may have taken the new file for a dead one,
  // and its name may be another's by now: process ids repeat where containers share the directory.
  if (IsHeldByOthers(error) || (error == 0 && !IsFileAt(passing_path, fd.get()))) {
    return Result::kBusy;
  }
  bool swept = false;
  if (error == 0) error = Prepare(fd.get(), name.text, properties);
  if (error == 0 && link(passing_path.c_str(), path.c_str()) != 0) {
    error = errno;
    swept = error == ENOENT;
  }
  unlink(passing_path.c_str());
  if (swept || error == EEXIST) return Result::kBusy;
  if (error != 0) return Fail<Result>(ErrorFromErrno(error), Result::kFailed);
  file->reset(new NamedFile(fd.Release(), path, properties));
  return Result::kDone;
}

std::unique_ptr<NamedFile> NamedFile::Create(const ObjectName& name, const Properties& properties,
                                             bool writable, bool* created) {
  SweepOnce(name.scope);
  std::unique_ptr<NamedFile> file;
  int attempts_without_room = 0;
  for (Patience patience;;) {
    Result result = OpenAlive(name, writable, &file);
    *created = result == Result::kNothing;
    if (*created) {
      result = Publish(name, properties, &file);
      // What is dead may take up the room, and creators in a race may each hold for a moment what
      // the other lacks.
      if (result == Result::kFailed && GetLastError() == ERROR_COMMITMENT_LIMIT) {
        const bool local = Sweep(Namespace::kLocal), global = Sweep(Namespace::kGlobal);
        if (local || global || ++attempts_without_room < 4) {
          if (patience.Wait()) continue;
          return Fail<std::unique_ptr<NamedFile>>(ERROR_COMMITMENT_LIMIT);
        }
      }
    }
    if (result == Result::kDone || result == Result::kFailed) return file;
    if (result == Result::kTaken) {
      return FailAt<std::unique_ptr<NamedFile>>(
          name.Path(), ERROR_ACCESS_DENIED,
          ", who alone can remove it, although nobody has it open");
    }
    if (!patience.Wait()) return FailAsBusy(name);
  }
}

std::unique_ptr<NamedFile> NamedFile::Open(const ObjectName& name, bool writable) {
  SweepOnce(name.scope);
  std::unique_ptr<NamedFile> file;
  for (Patience patience;;) {
    const Result result = OpenAlive(name, writable, &file);
    if (result == Result::kDone || result == Result::kFailed) return file;
    if (result != Result::kBusy) return Fail<std::unique_ptr<NamedFile>>(ERROR_FILE_NOT_FOUND);
    if (!patience.Wait()) return FailAsBusy(name);
  }
}

std::unique_ptr<NamedFile> NamedFile::CreateAnonymous(const Properties& properties) {
  SweepOnce(Namespace::kLocal);
  std::string path;
  Descriptor fd(MakeFile(Namespace::kLocal, &path));
  if (fd.get() < 0) return FailToMake<std::unique_ptr<NamedFile>>(Namespace::kLocal, errno);
  unlink(path.c_str());
  int error = Prepare(fd.get(), {}, properties);
  // What is dead may take up the room.
  if (error == ENOSPC) {
    Sweep(Namespace::kLocal);
    Sweep(Namespace::kGlobal);
    error = Prepare(fd.get(), {}, properties);
  }
  if (error != 0) {
    return Fail<std::unique_ptr<NamedFile>>(ErrorFromErrno(error));
  }
  return std::unique_ptr<NamedFile>(new NamedFile(fd.Release(), {}, properties));
}

}  // namespace kernel32
