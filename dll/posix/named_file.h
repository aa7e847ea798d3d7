// The lifetime of a named object: a file that counts as long as a living process holds a lock on
// it.
//
// Whoever has an object open holds a shared lock on the first byte of its file. The lock belongs to
// the open file description, so it goes with the handle, and the kernel drops it when the process
// ends, however that happens. Who gets the exclusive lock therefore knows that nobody is alive, and
// removes the file. A new file is prepared under a passing name, locked, and only then linked to
// its real name, so nobody ever waits for it or sees it unprepared.
#ifndef DLLMEMFILEMAP_POSIX_NAMED_FILE_H
#define DLLMEMFILEMAP_POSIX_NAMED_FILE_H

#include <sys/types.h>

#include <memory>
#include <string>

#include "names.h"

namespace kernel32 {

uint64_t PageSize();
uint64_t InWholePages(uint64_t size);

// An open description of the file behind a file mapping. Destroying it lets go of the name, and
// frees the name if nobody else holds it.
class NamedFile {
 public:
  // What the file says about itself, in its first page. The memory begins with the second.
  struct Properties {
    uint64_t size;     // of the memory, in bytes, as the creator asked for it
    DWORD protection;  // PAGE_READWRITE and the like
    uint32_t mode;     // the file's permissions
  };

  // Opens the object of that name or makes it, with zeroed memory; *created tells which. An
  // existing object keeps its own properties. On failure returns null and sets the last error.
  static std::unique_ptr<NamedFile> Create(const ObjectName& name, const Properties& properties,
                                           bool writable, bool* created);

  // Opens the living object of that name. On failure returns null and sets the last error;
  // ERROR_FILE_NOT_FOUND if nobody has such an object open.
  static std::unique_ptr<NamedFile> Open(const ObjectName& name, bool writable);

  // Makes a file without a name.
  static std::unique_ptr<NamedFile> CreateAnonymous(const Properties& properties);

  NamedFile(const NamedFile&) = delete;
  NamedFile& operator=(const NamedFile&) = delete;
  ~NamedFile();

  int fd() const { return fd_; }
  const Properties& properties() const { return properties_; }

  // Where the memory begins in the file, and how much there is: the size in whole pages.
  off_t memory_offset() const;
  uint64_t memory_size() const;

 private:
  enum class Result { kDone, kNothing, kTaken, kBusy, kFailed };

  NamedFile(int fd, std::string path, const Properties& properties);

  // Makes and opens a new file under a passing name that nobody else uses. On failure returns null
  // and sets the last error.
  static std::unique_ptr<NamedFile> MakeFile(Namespace scope, const Properties& properties);
  static Result OpenAlive(const ObjectName& name, bool writable, std::unique_ptr<NamedFile>* file);
  static Result Publish(const ObjectName& name, const Properties& properties,
                        std::unique_ptr<NamedFile>* file);

  const int fd_;
  std::string path_;  // empty if it has no name
  const Properties properties_;
  const unsigned forks_;  // a forked child shares the description, and must not let go of what its
                          // parent holds
};

}  // namespace kernel32

#endif
