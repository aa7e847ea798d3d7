#include "sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <memory>

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

// Removes the dead files of the namespace. Returns whether there was one, or somebody is preparing
// a file. Anybody may have filled the directory, so it stops after a second.
bool Sweep(Namespace scope) {
  const Deadline end(1000);
  const std::string prefix = PathPrefix(scope);
  const size_t slash = prefix.rfind('/');
  const std::string directory_path = prefix.substr(0, slash);
  const std::string file_prefix = prefix.substr(slash + 1);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(directory_path.c_str()), &closedir);
  if (!directory) return false;
  bool found = false;
  while (const dirent* entry = readdir(directory.get())) {
    if (end.HasPassed()) break;
    if (strncmp(entry->d_name, file_prefix.c_str(), file_prefix.size()) != 0) continue;
    const std::string path = directory_path + "/" + entry->d_name;
    const bool is_new = path.compare(prefix.size(), strlen(kNew), kNew) == 0;
    const int error = SweepFile(path, is_new, scope);
    if (error == 0 || (error == EAGAIN && is_new)) found = true;
  }
  return found;
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

void SweepOnce(Namespace scope) {
  static std::atomic<bool> has_swept[2] = {};
  if (!has_swept[scope == Namespace::kGlobal].exchange(true)) Sweep(scope);
}

bool RoomMaker::MakeRoom() {
  const bool found_local = Sweep(Namespace::kLocal);
  const bool found_global = Sweep(Namespace::kGlobal);
  ++attempts_;
  if (!found_local && !found_global && attempts_ >= 4) return false;
  return patience_.Wait();
}

}  // namespace kernel32
