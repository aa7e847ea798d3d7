// What Linux and macOS do differently. CMakeLists.txt picks linux.cpp or macos.cpp.
#ifndef DLLMEMFILEMAP_POSIX_PLATFORM_H
#define DLLMEMFILEMAP_POSIX_PLATFORM_H

#include <sys/types.h>

#include <string>

#include "names.h"

namespace kernel32 {

// The directory that holds the namespace's files, without a slash at its end. One that others may
// write to has to be root's and sticky, so that nobody removes or renames another's file.
std::string NamespaceDirectory(Namespace scope);

// Gives an empty file its size and all of its memory, zeroed, so that touching it later cannot
// fail. Returns 0, or an errno; the file's size is of no meaning then.
int Commit(int fd, off_t size);

// The environment of this process, as environ.
char** Environment();

// The path of the running program.
std::string ProgramPath();

}  // namespace kernel32

#endif
