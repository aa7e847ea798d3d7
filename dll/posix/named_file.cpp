#include "named_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <new>
#include <utility>

#include "errors.h"
#include "file_locks.h"
#include "handles.h"
#include "patience.h"
#include "platform.h"
#include "process_register.h"
#include "sweep.h"

namespace kernel32 {
namespace {

// What is wrong is the directory, if no file can be made in it.
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

}  // namespace

NamedFile::NamedFile(int fd, std::string path, const Properties& properties)
    : fd_(fd), path_(std::move(path)), properties_(properties) {}

NamedFile::~NamedFile() {
  // A forked child shares the description, and must not let go of what its parent holds.
  if (!path_.empty() && !use_.IsInherited()) {
    LockByte(fd_, kAliveByte, F_UNLCK);
    const int error = RemoveIfDead(path_, fd_);
    if (error != 0 && error != EAGAIN) NamespaceUse::LeaveFileBehind();
  }
  CloseDescriptor(fd_);
}

off_t NamedFile::memory_offset() const { return PageSize(); }

uint64_t NamedFile::memory_size() const { return InWholePages(properties_.size); }

int NamedFile::OpenAgain() const {
  constexpr int kFlags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  Descriptor fd(OpenDescriptor(path_.c_str(), kFlags));
  if (fd.get() < 0) {
    if (errno == EWOULDBLOCK) errno = EACCES;  // its owner holds a lease on it
    return -1;
  }
  struct stat own, opened;
  if (fstat(fd_, &own) != 0 || fstat(fd.get(), &opened) != 0) return -1;
  if (own.st_dev != opened.st_dev || own.st_ino != opened.st_ino) {
    errno = ENOENT;  // it was removed by other means, and another is in its place
    return -1;
  }
  return fd.Release();
}

NamedFile::Result NamedFile::TryOpen(const ObjectName& name, ObjectKind kind, bool writable,
                                     std::unique_ptr<NamedFile>* file) {
  std::string path = name.Path();
  Descriptor fd(OpenFile(path, writable, name.scope));
  if (fd.get() < 0) {
    if (errno == ENOENT) return Result::kNothing;
    const bool file_matters = errno != EMFILE && errno != ENFILE && errno != ENOMEM;
    if (!file_matters) return Fail<Result>(ErrorFromErrno(errno), Result::kFailed);
    return FailAt<Result>(path, ErrorFromErrno(errno), /*trouble=*/"", Result::kFailed);
  }
  const OthersLock before = GetOthersLock(fd.get(), kAliveByte);
  if (before.error != 0) return Fail<Result>(ErrorFromErrno(before.error), Result::kFailed);
  if (before.type == F_UNLCK) {
    const bool is_writable = (fcntl(fd.get(), F_GETFL) & O_ACCMODE) == O_RDWR;
    // A dead file that only its owner may remove is another user's.
    const int error = is_writable ? RemoveIfDead(path, fd.get()) : EACCES;
    if (error == EAGAIN) return Result::kBusy;
    if (error == 0 || !IsFileAt(path, fd.get())) return Result::kNothing;
    if (error != EACCES && error != EPERM) {
      return Fail<Result>(ErrorFromErrno(error), Result::kLeftOver);
    }
    return FailAt<Result>(path, ERROR_ACCESS_DENIED,
                          ", who alone can remove it, although nobody has it open",
                          Result::kLeftOver);
  }
  Properties properties;
  if (const int error = ReadHeader(fd.get(), name.text, &properties)) {
    if (error != EACCES) return Fail<Result>(ErrorFromErrno(error), Result::kFailed);
    return FailAt<Result>(path, ERROR_ACCESS_DENIED,
                          ", but is not, or no longer, what a creator of this name has made",
                          Result::kFailed);
  }
  if (before.type == F_WRLCK) return Result::kBusy;
  if (properties.kind != kind) return Fail<Result>(ERROR_INVALID_HANDLE, Result::kFailed);
  // Before it has the lock: the last holder may go meanwhile, and leave it to this call, whatever
  // fails here, to remove the file.
  std::unique_ptr<NamedFile> opened(new NamedFile(fd.get(), std::move(path), properties));
  fd.Release();
  if (const int error = LockByte(opened->fd(), kAliveByte, F_RDLCK)) {
    if (error == EAGAIN) return Result::kBusy;
    return Fail<Result>(ErrorFromErrno(error), Result::kFailed);
  }
  if (!IsFileAt(opened->path_, opened->fd())) return Result::kBusy;
  const OthersLock after = GetOthersLock(opened->fd(), kAliveByte);
  if (after.error != 0) return Fail<Result>(ErrorFromErrno(after.error), Result::kFailed);
  if (after.type == F_UNLCK) return Result::kBusy;
  *file = std::move(opened);
  return Result::kDone;
}

std::unique_ptr<NamedFile> NamedFile::MakeFile(Namespace scope, const Properties& properties) {
  static std::atomic<unsigned> count;
  while (true) {
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

NamedFile::Result NamedFile::TryPublish(const ObjectName& name, const Properties& properties,
                                        const Initialize& initialize,
                                        std::unique_ptr<NamedFile>* file) {
  std::string path = name.Path();
  // Until it has the name, its destructor removes its passing one.
  std::unique_ptr<NamedFile> made = MakeFile(name.scope, properties);
  if (!made) return Result::kFailed;
  const std::string& passing_path = made->path_;
  int error = LockByte(made->fd(), kAliveByte, F_RDLCK);
  if (error == EAGAIN) return Result::kBusy;  // a sweep has it
  // After a sweep the passing name may be another's: process ids repeat where containers share the
  // directory.
  if (error == 0 && !IsFileAt(passing_path, made->fd())) return Result::kBusy;
  if (error == 0) error = PrepareFile(made->fd(), name.text, properties);
  if (error == 0 && initialize && !initialize(*made)) return Result::kFailed;
  if (error == 0 && link(passing_path.c_str(), path.c_str()) != 0) {
    if (errno == EEXIST || errno == ENOENT) return Result::kBusy;  // outrun, or swept
    error = errno;
  }
  if (error != 0) {
    // Where it cannot be locked, nobody else removes it either.
    if (IsFileAt(passing_path, made->fd())) unlink(passing_path.c_str());
    return Fail<Result>(ErrorFromErrno(error), Result::kFailed);
  }
  if (unlink(passing_path.c_str()) != 0) NamespaceUse::LeaveFileBehind();
  made->path_ = std::move(path);
  *file = std::move(made);
  return Result::kDone;
}

std::unique_ptr<NamedFile> NamedFile::Create(const ObjectName& name, const Properties& properties,
                                             bool writable, const Initialize& initialize,
                                             bool* created) {
  const NamespaceUse use;
  EnterNamespace(name.scope);
  std::unique_ptr<NamedFile> file;
  RoomMaker room;
  Patience patience;
  while (true) {
    Result result = TryOpen(name, properties.kind, writable, &file);
    *created = result == Result::kNothing;
    if (*created) {
      result = TryPublish(name, properties, initialize, &file);
      const bool lacks_room = result == Result::kFailed && GetLastError() == ERROR_COMMITMENT_LIMIT;
      if (lacks_room && room.MakeRoom()) continue;
    }
    if (result != Result::kBusy) return file;
    if (!patience.Wait()) return FailAsBusy(name);
  }
}

std::unique_ptr<NamedFile> NamedFile::Open(const ObjectName& name, ObjectKind kind, bool writable) {
  const NamespaceUse use;
  EnterNamespace(name.scope);
  std::unique_ptr<NamedFile> file;
  Patience patience;
  while (true) {
    const Result result = TryOpen(name, kind, writable, &file);
    if (result == Result::kDone || result == Result::kFailed) return file;
    if (result != Result::kBusy) return Fail<std::unique_ptr<NamedFile>>(ERROR_FILE_NOT_FOUND);
    if (!patience.Wait()) return FailAsBusy(name);
  }
}

std::unique_ptr<NamedFile> NamedFile::CreateAnonymous(const Properties& properties) {
  const NamespaceUse use;
  EnterNamespace(Namespace::kLocal);
  RoomMaker room;
  while (true) {
    std::unique_ptr<NamedFile> file = MakeFile(Namespace::kLocal, properties);
    if (file) {
      if (unlink(file->path_.c_str()) == 0) file->path_.clear();
      const int error = PrepareFile(file->fd(), {}, properties);
      if (error == 0) return file;
      SetLastErrorAlone(ErrorFromErrno(error));
    }
    if (GetLastError() != ERROR_COMMITMENT_LIMIT || !room.MakeRoom()) return nullptr;
  }
}

}  // namespace kernel32
