// The locks on an object's file, and on a register of processes. A lock belongs to an open file
// description: it goes with the description's last descriptor, and the kernel drops it when the
// process ends, however that happens.
#ifndef DLLMEMFILEMAP_POSIX_FILE_LOCKS_H
#define DLLMEMFILEMAP_POSIX_FILE_LOCKS_H

#include <sys/types.h>

#include <string>

namespace kernel32 {

// Whoever has the object open, or is in the register, holds a shared lock on this byte.
constexpr off_t kAliveByte = 0;

// Sets the lock on a byte (F_RDLCK, F_WRLCK) or clears it (F_UNLCK), without waiting. Returns 0,
// EAGAIN if another description's lock forbids it, or another errno.
int LockByte(int fd, off_t byte, short type);

struct OthersLock {
  int error;   // 0 or an errno
  short type;  // what other descriptions hold: F_RDLCK, F_WRLCK or F_UNLCK; if there is no error
};

OthersLock GetOthersLock(int fd, off_t byte);

// Whether the open file is the one at that path.
bool IsFileAt(const std::string& path, int fd);

// Removes the file, if it still is at that path, unless somebody has the object open. Returns 0,
// EAGAIN if somebody has, or another errno.
int RemoveIfDead(const std::string& path, int fd);

}  // namespace kernel32

#endif
