// Whether a process of this effective user has died, and may have left files of Local\ to sweep.
//
// To look at every file for that would take longer the more objects there are. So the user's
// processes are entered in a register, a file with a byte for each, and only that is looked at.
//
// Before a process first opens or creates an object in Local\, or one without a name:
// 1. Open the register, or make it, and get a shared lock on its first byte. If the file is no
//    longer at its path, its last process was about to remove it: try again.
// 2. Read it. Of each byte that is set, and whose lock is free, the process is dead. Get the lock.
// 3. Get the lock on a byte that is not set, and set it. The kernel drops the lock when the process
//    has ended, however that happens, and each child forked from it that goes on as it is. The byte
//    stays.
// 4. If somebody is dead, or nobody has swept since the register was made: sweep, and then say in
//    the first byte that it is swept, and clear the bytes of the dead. If it is killed before that,
//    or its sweep cannot look at everything, the next process sweeps.
//
// When it ends, and has closed all its objects and removed what was to be removed:
// 1. Clear the byte.
// 2. Remove the register, if nobody else has the shared lock.
//
// A process that cannot be entered (without room or descriptors, or where somebody else has put
// something in the register's place) sweeps once, and tries to enter again with the next object.
// Global\ has no register, and every process sweeps it once: all users could write to it, and hide
// the dead.
#ifndef DLLMEMFILEMAP_POSIX_PROCESS_REGISTER_H
#define DLLMEMFILEMAP_POSIX_PROCESS_REGISTER_H

#include "names.h"

namespace kernel32 {

// Lives as long as this process may have a file in a namespace: during a call that opens or creates
// an object, and as long as that is open.
class NamespaceUse {
 public:
  NamespaceUse();
  NamespaceUse(const NamespaceUse&) = delete;
  NamespaceUse& operator=(const NamespaceUse&) = delete;
  ~NamespaceUse();

  // Whether it began in a process from which this one was forked.
  bool IsInherited() const;

  // A file could not be removed. This process counts as dead when it ends, so that the next one
  // sweeps.
  static void LeaveFileBehind();

 private:
  const unsigned forks_;
};

// Enters this process in the register if it is not in it, and sweeps if that is needed. To be
// called during a NamespaceUse, before a name is opened or created.
void EnterNamespace(Namespace scope);

}  // namespace kernel32

#endif
