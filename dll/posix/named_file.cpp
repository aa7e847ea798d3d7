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
#include <memory>
#include <new>
#include <utility>

#include "errors.h"
#include "fork.h"
#include "handles.h"
#include "platform.h"

namespace kernel32 {
namespace {

const uint64_t page_size = sysconf(_SC_PAGESIZE);

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
    if (fd_ >= 0) CloseDescriptor(fd_);
  }
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// A moment that lies so far ahead.
class Deadline {
 public:
  explicit Deadline(int64_t milliseconds) : end_(Now() + milliseconds) {}
  bool HasPassed() const { return Now() >= end_; }

 private:
  static int64_t Now() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
  }

  const int64_t end_;
};

// Waiting for another process that is between two system calls: first a few turns of the scheduler,
// then pauses. It may have been stopped there, so the waiting has an end.
class Patience {
 public:
  // Pauses; returns false when five seconds have passed.
  bool Wait() {
    if (++turns_ <= 16) {
      sched_yield();
    } else {
      const timespec pause = {0, 500'000};
      nanosleep(&pause, nullptr);
    }
    return !end_.HasPassed();
  }

 private:
  int turns_ = 0;
  const Deadline end_{5000};
};

// Does `command` with the lock that says that the object is alive. Returns 0 or an errno.
int DoWithLock(int fd, int command, short* type) {
  struct flock lock = {};
  lock.l_type = *type;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  if (Retry([&] { return fcntl(fd, command, &lock); }) != 0) return errno;
  *type = lock.l_type;
  return 0;
}

// Sets or clears (F_UNLCK) the lock, without waiting. Returns 0, EAGAIN if somebody else's lock
// forbids it, or another errno.
int Lock(int fd, short type) {
  const int error = DoWithLock(fd, F_OFD_SETLK, &type);
  return error == EACCES ? EAGAIN : error;
}

// Tells the lock that somebody else holds: F_RDLCK says that the object is alive, F_WRLCK that
// somebody is about to remove its file, and F_UNLCK that it is dead. Returns 0 or an errno.
int GetLockOfOthers(int fd, short* type) {
  *type = F_WRLCK;
  return DoWithLock(fd, F_OFD_GETLK, type);
}

bool IsFileAt(const std::string& path, int fd) {
  struct stat named, opened;
  return lstat(path.c_str(), &named) == 0 && fstat(fd, &opened) == 0 &&
         named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

// Frees the name if nobody has the object open. Returns 0, EAGAIN if somebody has, or another
// errno.
int RemoveIfDead(const std::string& path, int fd) {
  if (const int error = Lock(fd, F_WRLCK)) return error;
  return !IsFileAt(path, fd) || unlink(path.c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

// Opens what may be a file of ours without following, trusting or waiting for what somebody else
// put there. Returns -1 and sets errno if that is not possible.
int OpenFile(const std::string& path, bool writable, Namespace scope) {
  constexpr int kFlags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  const auto open_for = [&path](int access) {
    return OpenDescriptor(path.c_str(), access | kFlags);
  };
  int opened = open_for(O_RDWR);
  if (opened < 0 && errno == EACCES && !writable) opened = open_for(O_RDONLY);
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

// Whether it is this user's own file, and this user may not open it: so a umask can have it, until
// its creator has prepared it.
bool HasNoRightsOfOwn(const std::string& path) {
  struct stat status;
  return lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         status.st_uid == geteuid() && (status.st_mode & 0600) != 0600;
}

constexpr char kNew[] = "new-";  // what a passing name goes on with

// Removes what processes that are dead by now left in the namespace. Returns whether there was
// anything, or somebody is preparing a file. Anybody may have filled the directory, so it stops
// after a second.
bool Sweep(Namespace scope) {
  const Deadline end(1000);
  bool found = false;
  const std::string prefix = PathPrefix(scope);
  const size_t slash = prefix.rfind('/');
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(prefix.substr(0, slash).c_str()),
                                                      &closedir);
  if (!directory) return false;
  while (const dirent* entry = readdir(directory.get())) {
    if (end.HasPassed()) break;
    if (strncmp(entry->d_name, prefix.c_str() + slash + 1, prefix.size() - slash - 1) != 0)
      continue;
    const std::string path = prefix.substr(0, slash + 1) + entry->d_name;
    const Descriptor fd(OpenFile(path, /*writable=*/true, scope));
    const bool is_new = path.compare(prefix.size(), strlen(kNew), kNew) == 0;
    int error = errno;
    if (fd.get() >= 0) {
      error = RemoveIfDead(path, fd.get());
    } else if (error == EACCES && is_new && HasNoRightsOfOwn(path)) {
      error = unlink(path.c_str());  // if its creator is alive, it makes another
    }
    if (error == 0 || (error == EAGAIN && is_new)) found = true;
  }
  return found;
}

void SweepOnce(Namespace scope) {
  static std::atomic<bool> has_swept[2] = {};
  if (!has_swept[scope == Namespace::kGlobal].exchange(true)) Sweep(scope);
}

// Sweeps because there was no room. Returns whether it is worth trying again: what is dead may have
// taken up the room, and creators in a race may each hold for a moment what the other lacks.
bool MakeRoom(int* attempts, Patience* patience) {
  const bool local = Sweep(Namespace::kLocal), global = Sweep(Namespace::kGlobal);
  return (local || global || ++*attempts < 4) && patience->Wait();
}

// Reads or writes (pread, pwrite) the first `size` bytes, however many calls that takes. Returns 0,
// an errno, or ENODATA if the file is shorter.
template <typename Byte, typename Transfer>
int TransferAll(Transfer transfer, int fd, Byte* bytes, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t count =
        Retry([&] { return transfer(fd, bytes + done, size - done, static_cast<off_t>(done)); });
    if (count <= 0) return count == 0 ? ENODATA : errno;
    done += static_cast<size_t>(count);
  }
  return 0;
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
  const auto* const bytes = reinterpret_cast<const char*>(&header);
  if (const int error = TransferAll(&pwrite, fd, bytes, sizeof header)) return error;
  return Retry([&] { return fchmod(fd, properties.mode); }) == 0 ? 0 : errno;
}

// Reads what the file says about itself. Returns 0, an errno, or EACCES if the file is not whole,
// is not the object of that name, or has other permissions than its creator gave it.
int ReadHeader(int fd, std::u16string_view name, NamedFile::Properties* properties) {
  Header header;
  struct stat status;
  const int error = TransferAll(&pread, fd, reinterpret_cast<char*>(&header), sizeof header);
  if (error != 0) return error == ENODATA ? EACCES : error;
  if (fstat(fd, &status) != 0) return errno;
  *properties = header.properties;
  return memcmp(header.magic, kMagic, sizeof kMagic) == 0 && header.name_length == name.size() &&
                 name.compare(0, name.size(), header.name, header.name_length) == 0 &&
                 (status.st_mode & 07777) == properties->mode &&
                 properties->size <= static_cast<uint64_t>(status.st_size) &&
                 static_cast<uint64_t>(status.st_size) ==
                     PageSize() + InWholePages(properties->size)
             ? 0
             : EACCES;
}

}  // namespace

uint64_t PageSize() { return page_size; }

uint64_t InWholePages(uint64_t size) { return (size + PageSize() - 1) / PageSize() * PageSize(); }

NamedFile::NamedFile(int fd, std::string path, const Properties& properties)
    : fd_(fd), path_(std::move(path)), properties_(properties), forks_(Forks()) {}

NamedFile::~NamedFile() {
  if (!path_.empty() && Forks() == forks_) {
    Lock(fd_, F_UNLCK);
    // Of several that let go at the same moment, the last to get here finds nobody and frees the
    // name.
    RemoveIfDead(path_, fd_);
  }
  CloseDescriptor(fd_);
}

off_t NamedFile::memory_offset() const { return PageSize(); }

uint64_t NamedFile::memory_size() const { return InWholePages(properties_.size); }

NamedFile::Result NamedFile::OpenAlive(const ObjectName& name, bool writable,
                                       std::unique_ptr<NamedFile>* file) {
  std::string path = name.Path();
  Descriptor fd(OpenFile(path, writable, name.scope));
  if (fd.get() < 0) {
    if (errno == ENOENT) return Result::kNothing;
    const bool file_matters = errno != EMFILE && errno != ENFILE && errno != ENOMEM;
    if (!file_matters) return Fail<Result>(ErrorFromErrno(errno), Result::kFailed);
    return FailAt<Result>(path, ErrorFromErrno(errno), /*trouble=*/"", Result::kFailed);
  }
  // Only a shared lock says that the object is alive. Whoever holds the exclusive one may die
  // before it has removed the file, and a shared lock got then would bring the dead back.
  short held;
  if (const int error = GetLockOfOthers(fd.get(), &held)) {
    return Fail<Result>(ErrorFromErrno(error), Result::kFailed);
  }
  if (held == F_UNLCK) {
    const bool is_writable = (fcntl(fd.get(), F_GETFL) & O_ACCMODE) == O_RDWR;
    // A dead file that only its owner may remove is another user's.
    const int error = is_writable ? RemoveIfDead(path, fd.get()) : EACCES;
    if (error == EAGAIN) return Result::kBusy;
    if (error == 0 || !IsFileAt(path, fd.get())) return Result::kNothing;
    if (error != EACCES && error != EPERM) {
      return Fail<Result>(ErrorFromErrno(error), Result::kTaken);
    }
    return FailAt<Result>(path, ERROR_ACCESS_DENIED,
                          ", who alone can remove it, although nobody has it open", Result::kTaken);
  }
  Properties properties;
  if (const int error = ReadHeader(fd.get(), name.text, &properties)) {
    if (error != EACCES) return Fail<Result>(ErrorFromErrno(error), Result::kFailed);
    return FailAt<Result>(path, ERROR_ACCESS_DENIED,
                          ", but is not, or no longer, what a creator of this name has made",
                          Result::kFailed);
  }
  if (held == F_WRLCK) return Result::kBusy;
  // Before it has the lock: its last holder may go meanwhile, and leave it to this call, whatever
  // fails here, to free the name.
  std::unique_ptr<NamedFile> opened(new NamedFile(fd.get(), std::move(path), properties));
  fd.Release();
  if (const int error = Lock(opened->fd(), F_RDLCK)) {
    if (error == EAGAIN) return Result::kBusy;
    return Fail<Result>(ErrorFromErrno(error), Result::kFailed);
  }
  if (!IsFileAt(opened->path_, opened->fd())) return Result::kBusy;
  if (const int error = GetLockOfOthers(opened->fd(), &held)) {
    return Fail<Result>(ErrorFromErrno(error), Result::kFailed);
  }
  if (held == F_UNLCK) return Result::kBusy;
  *file = std::move(opened);
  return Result::kDone;
}

std::unique_ptr<NamedFile> NamedFile::MakeFile(Namespace scope, const Properties& properties) {
  static std::atomic<unsigned> count;
  for (;;) {
    std::string path =
        PathPrefix(scope) + kNew + std::to_string(getpid()) + "-" + std::to_string(count++);
    constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    Descriptor fd(OpenDescriptor(path.c_str(), kFlags, 0600));
    if (fd.get() < 0) {
      if (errno == EEXIST) continue;
      const int error = errno == ENOENT ? ENOTDIR : errno;  // the directory itself is missing
      return FailToMake<std::unique_ptr<NamedFile>>(scope, error);
    }
    std::unique_ptr<NamedFile> file(new (std::nothrow)
                                        NamedFile(fd.get(), std::move(path), properties));
    if (!file) {
      unlink(path.c_str());
      return Fail<std::unique_ptr<NamedFile>>(ERROR_NOT_ENOUGH_MEMORY);
    }
    fd.Release();
    return file;
  }
}

NamedFile::Result NamedFile::Publish(const ObjectName& name, const Properties& properties,
                                     std::unique_ptr<NamedFile>* file) {
  std::string path = name.Path();
  // Until it has the name, its passing one is what its destructor frees.
  std::unique_ptr<NamedFile> made = MakeFile(name.scope, properties);
  if (!made) return Result::kFailed;
  const std::string& passing_path = made->path_;
  int error = Lock(made->fd(), F_RDLCK);
  // Before the lock was held, another process's sweep may have taken the new file for a dead one,
  // and its name may be another's by now: process ids repeat where containers share the directory.
  if (error == EAGAIN || (error == 0 && !IsFileAt(passing_path, made->fd()))) return Result::kBusy;
  if (error == 0) error = Prepare(made->fd(), name.text, properties);
  if (error == 0 && link(passing_path.c_str(), path.c_str()) != 0) {
    if (errno == EEXIST || errno == ENOENT) return Result::kBusy;  // outrun, or swept
    error = errno;
  }
  if (error != 0) {
    // Where it cannot be locked, nobody else removes it either.
    if (IsFileAt(passing_path, made->fd())) unlink(passing_path.c_str());
    return Fail<Result>(ErrorFromErrno(error), Result::kFailed);
  }
  unlink(passing_path.c_str());
  made->path_ = std::move(path);
  *file = std::move(made);
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
      if (result == Result::kFailed && GetLastError() == ERROR_COMMITMENT_LIMIT &&
          MakeRoom(&attempts_without_room, &patience)) {
        continue;
      }
    }
    if (result != Result::kBusy) return file;
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
  int attempts_without_room = 0;
  for (Patience patience;;) {
    std::unique_ptr<NamedFile> file = MakeFile(Namespace::kLocal, properties);
    if (file) {
      if (unlink(file->path_.c_str()) == 0) file->path_.clear();
      const int error = Prepare(file->fd(), {}, properties);
      if (error == 0) return file;
      SetLastErrorAlone(ErrorFromErrno(error));
    }
    if (GetLastError() != ERROR_COMMITMENT_LIMIT || !MakeRoom(&attempts_without_room, &patience)) {
      return nullptr;
    }
  }
}

}  // namespace kernel32
