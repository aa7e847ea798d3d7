// The lifetime of a named object: a file that counts as long as a living process holds a lock on
// it.
//
// Every description of the file that has the object open holds a shared lock on its first byte.
// The kernel drops the lock when the process ends, however that happens. Holding the exclusive lock
// therefore means that no holder is alive, and only then is the file removed.
//
// To open an object:
// 1. Open the file. If there is none, there is no object.
// 2. Look at the others' locks. If there is none, the object is dead: get the exclusive lock,
//    remove the file, and there is no object. If there is an exclusive one, another process is
//    about to remove the file: try again.
// 3. Read the header. It has to be that of an object of this name, and whole.
// 4. Get a shared lock.
// 5. Look again whether the file is at its path and others hold a shared lock on it. If not, all of
//    them have gone since step 2: let go, and try again. A process that holds the exclusive lock
//    may die before it has removed the file, and the shared lock of step 4 would then bring an
//    object back that was dead.
//
// To create one:
// 1. Open it. If there is one, that is all.
// 2. Make a new file under a passing name that no other process uses.
// 3. Get a shared lock. If the file is no longer at that name, another process's sweep came before
//    the lock: try again.
// 4. Give it memory, header, permissions, and its first state.
// 5. Link it to its name. If that exists, another creator was faster: let go, and try again.
// 6. Remove the passing name.
// So nobody ever sees an object that is not prepared, or waits for one.
//
// To close one:
// 1. Clear the shared lock.
// 2. Get the exclusive lock. Of several that close at the same moment, the last to get here gets
//    it, and removes the file.
// 3. Close the descriptor.
#ifndef DLLMEMFILEMAP_POSIX_NAMED_FILE_H
#define DLLMEMFILEMAP_POSIX_NAMED_FILE_H

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "file_header.h"
#include "names.h"
#include "process_register.h"

namespace kernel32 {

// An open description of an object's file. Destroying it closes the object.
class NamedFile {
 public:
  using Properties = FileProperties;

  // Gives a new object its first state, before anybody else sees it. Returns false after setting
  // the last error if it cannot. May be called again, for another file, after an attempt that
  // another creator outran.
  using Initialize = std::function<bool(const NamedFile&)>;

  // Opens the object of that name or makes it, with zeroed memory; *created tells which. An
  // existing object keeps its own properties. On failure returns null and sets the last error;
  // ERROR_INVALID_HANDLE if the name is that of an object of another kind.
  static std::unique_ptr<NamedFile> Create(const ObjectName& name, const Properties& properties,
                                           bool writable, const Initialize& initialize,
                                           bool* created);

  // Opens the living object of that name and kind. On failure returns null and sets the last error;
  // ERROR_FILE_NOT_FOUND if nobody has such an object open, ERROR_INVALID_HANDLE as above.
  static std::unique_ptr<NamedFile> Open(const ObjectName& name, ObjectKind kind, bool writable);

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

  // Opens another description of the same file, for reading and writing, as OpenDescriptor does.
  // Returns -1 and sets errno if that is not possible.
  int OpenAgain() const;

 private:
  // How one attempt to open or create ended.
  enum class Result {
    kDone,      // the file is open
    kNothing,   // there is no such object; the last error is not set
    kLeftOver,  // likewise, but a dead file is in its place, and the last error says why this user
                // cannot remove it
    kBusy,      // another process is between two steps: try again; the last error is not set
    kFailed,    // the last error is set
  };

  NamedFile(int fd, std::string path, const Properties& properties);

  // Makes and opens a new file under a passing name that nobody else uses. On failure returns null
  // and sets the last error.
  static std::unique_ptr<NamedFile> MakeFile(Namespace scope, const Properties& properties);
  // One attempt to open, and one to create from step 2 on. They set *file if they are done.
  static Result TryOpen(const ObjectName& name, ObjectKind kind, bool writable,
                        std::unique_ptr<NamedFile>* file);
  static Result TryPublish(const ObjectName& name, const Properties& properties,
                           const Initialize& initialize, std::unique_ptr<NamedFile>* file);

  const NamespaceUse use_;
  const int fd_;
  std::string path_;  // empty if it has no name
  const Properties properties_;
};

}  // namespace kernel32

#endif
