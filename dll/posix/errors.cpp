#include "errors.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

namespace {

// Without destructors, as other threads' last calls may come when the process already ends.
thread_local DWORD last_error = ERROR_SUCCESS;
thread_local kernel32::Obstacle last_obstacle = {};

}  // namespace

DWORD WINAPI GetLastError(VOID) { return last_error; }

// To set what is set is how a caller keeps the last error over calls of its own.
VOID WINAPI SetLastError(DWORD dwErrCode) {
  if (dwErrCode != last_error) kernel32::SetLastErrorAlone(dwErrCode);
}

namespace kernel32 {

const Obstacle& LastObstacle() { return last_obstacle; }

void SetLastErrorAlone(DWORD error) {
  last_error = error;
  last_obstacle.path[0] = '\0';
}

void SetLastErrorAt(const std::string& path, DWORD error, const char* trouble) {
  struct stat status = {};
  const int unknown = lstat(path.c_str(), &status) == 0 ? 0 : errno;
  last_error = error;
  snprintf(last_obstacle.path, sizeof last_obstacle.path, "%s", path.c_str());
  last_obstacle.error = unknown;
  last_obstacle.mode = status.st_mode;
  last_obstacle.owner = status.st_uid;
  last_obstacle.size = status.st_size;
  last_obstacle.trouble = trouble;
}

DWORD ErrorFromErrno(int error) {
  switch (error) {
    case ENOENT:
      return ERROR_FILE_NOT_FOUND;
    case ENOTDIR:
      return ERROR_PATH_NOT_FOUND;
    case EMFILE:
    case ENFILE:
      return ERROR_TOO_MANY_OPEN_FILES;
    case EACCES:
    case EPERM:
    case EISDIR:
    case ELOOP:       // O_NOFOLLOW met a symbolic link
    case ENXIO:       // a socket, or a device without a driver
    case EOPNOTSUPP:  // a socket on macOS
      return ERROR_ACCESS_DENIED;
    case EROFS:
      return ERROR_WRITE_PROTECT;
    case ENOMEM:
    case EAGAIN:
    case ENOLCK:
    case EFBIG:
    case EOVERFLOW:
      return ERROR_NOT_ENOUGH_MEMORY;
    case ENOSPC:
    case EDQUOT:
      return ERROR_COMMITMENT_LIMIT;
    case ENOEXEC:
#ifdef EBADMACHO
    case EBADARCH:
    case EBADEXEC:
    case EBADMACHO:
#endif
      return ERROR_BAD_EXE_FORMAT;
    case ENAMETOOLONG:
    case E2BIG:
      return ERROR_FILENAME_EXCED_RANGE;
    default:
      return ERROR_GEN_FAILURE;
  }
}

}  // namespace kernel32
