#include "sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "errors.h"
#include "file_locks.h"
#include "handles.h"

namespace kernel32 {
namespace {

// Whether it is this user's own file, and this user may not open it. A umask can cause that, until
// the file's creator has prepared it.
bool HasNoRightsOfOwn(const std::string& path) {
  struct stat status;
  return lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         status.st_uid == geteuid() && (status.st_mode & 0600) != 0600;
}

// Removes the file if it is dead. Returns 0, EAGAIN if somebody has it open, or another errno.
int SweepFile(const std::string& path, bool is_new, Namespace scope) {
  const Descriptor fd(OpenFile(path, /*writable=*/true, scope));
  if (fd.get() >= 0) return RemoveIfDead(path, fd.get());
  const int error = errno;
  // If its creator is alive, it makes another.
  if (error == EACCES && is_new && HasNoRightsOfOwn(path)) return unlink(path.c_str());
  return error;
}

}  // namespace

int OpenFile(const std::string& path, bool writable, Namespace scope) {
  constexpr int kFlags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  int opened = OpenDescriptor(path.c_str(), O_RDWR | kFlags);
  if (opened < 0 && errno == EACCES && !writable) {
    opened = OpenDescriptor(path.c_str(), O_RDONLY | kFlags);
  }
  Descriptor fd(opened);
  struct stat status;
  if (fd.get() < 0 || fstat(fd.get(), &status) != 0) {
    if (errno == EWOULDBLOCK) errno = EACCES;  // its owner holds a lease on it
    return -1;
  }
  const bool is_foreign = scope == Namespace::kLocal && status.st_uid != geteuid();
  if (!S_ISREG(status.st_mode) || is_foreign) {
    errno = EACCES;
    return -1;
  }
  return fd.Release();
}

SweepResult Sweep(Namespace scope) {
  const Deadline end(1000);
  const std::string prefix = PathPrefix(scope);
  const size_t slash = prefix.rfind('/');
  const std::string directory_path = prefix.substr(0, slash);
  const std::string file_prefix = prefix.substr(slash + 1);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(directory_path.c_str()), &closedir);
  SweepResult result = {/*has_found=*/false, /*was_thorough=*/false};
  if (!directory) return result;
  bool all_settled = true;
  while (true) {
    errno = 0;
    const dirent* const entry = readdir(directory.get());
    if (!entry) {
      result.was_thorough = all_settled && errno == 0;
      return result;
    }
    if (end.HasPassed()) return result;
    if (strncmp(entry->d_name, file_prefix.c_str(), file_prefix.size()) != 0) continue;
    const std::string path = directory_path + "/" + entry->d_name;
    const bool is_new = path.compare(prefix.size(), strlen(kNew), kNew) == 0;
    const int error = SweepFile(path, is_new, scope);
    if (error == 0 || (error == EAGAIN && is_new)) result.has_found = true;
    // Nor will another try remove what is foreign.
    const bool is_foreign = ErrorFromErrno(error) == ERROR_ACCESS_DENIED;
    const bool is_settled = error == 0 || error == EAGAIN || error == ENOENT || is_foreign;
    all_settled = all_settled && is_settled;
  }
}

bool RoomMaker::MakeRoom() {
  const bool found_local = Sweep(Namespace::kLocal).has_found;
  const bool found_global = Sweep(Namespace::kGlobal).has_found;
  ++attempts_;
  if (!found_local && !found_global && attempts_ >= 4) return false;
  return patience_.Wait();
}

}  // namespace kernel32
