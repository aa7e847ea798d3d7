#include "file_locks.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errors.h"

#if defined(__APPLE__) && !defined(F_OFD_SETLK)
// The system has them since 10.11, older headers have not.
#define F_OFD_SETLK 90
#define F_OFD_GETLK 92
#endif

namespace kernel32 {
namespace {

struct flock LockOn(off_t byte, short type) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return lock;
}

}  // namespace

int LockByte(int fd, off_t byte, short type) {
  struct flock lock = LockOn(byte, type);
  if (Retry([&] { return fcntl(fd, F_OFD_SETLK, &lock); }) == 0) return 0;
  return errno == EACCES ? EAGAIN : errno;
}

OthersLock GetOthersLock(int fd, off_t byte) {
  struct flock lock = LockOn(byte, F_WRLCK);  // with which any other lock is in conflict
  if (Retry([&] { return fcntl(fd, F_OFD_GETLK, &lock); }) != 0) return {errno, F_UNLCK};
  return {0, lock.l_type};
}

bool IsFileAt(const std::string& path, int fd) {
  struct stat named, opened;
  if (lstat(path.c_str(), &named) != 0 || fstat(fd, &opened) != 0) return false;
  return named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

int RemoveIfDead(const std::string& path, int fd) {
  if (const int error = LockByte(fd, kAliveByte, F_WRLCK)) return error;
  if (!IsFileAt(path, fd)) return 0;
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return 0;
  return errno;
}

}  // namespace kernel32
