// What Linux and macOS do differently. CMakeLists.txt picks linux.cpp or macos.cpp.
#ifndef DLLMEMFILEMAP_POSIX_PLATFORM_H
#define DLLMEMFILEMAP_POSIX_PLATFORM_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#include <atomic>
#include <string>

#include "names.h"

namespace kernel32 {

// The directory that holds the namespace's files, without a slash at its end. One that others may
// write to has to be root's and sticky, so that nobody removes or renames another's file.
std::string NamespaceDirectory(Namespace scope);

// What a file's header takes, and what its memory is a multiple of: for all processes of a machine
// the same, and a multiple of their own pages.
uint64_t PageSize();

// Gives an empty file its size, which is not above the limit, and all of its memory, zeroed, so
// that touching it later cannot fail. Returns 0, or an errno; the file's size is of no meaning
// then.
int Commit(int fd, off_t size);

// Puts zeroed memory of this process's own in the place of what is mapped there, at once for all
// threads. Returns 0, or an errno; nothing has changed then.
int ReplaceByZeros(void* address, size_t length);

// A word in memory that processes may share, and what a thread has seen in it.
struct SeenWord {
  std::atomic<uint32_t>* word;
  uint32_t seen;
};

// Sleeps until one of up to 64 words is no longer what was seen, somebody wakes those who sleep on
// it, or Now() has come to `end`. May return early.
void SleepOnWords(const SeenWord* words, unsigned count, int64_t end);

// Wakes all threads of all processes that sleep on the word.
void WakeSleepers(std::atomic<uint32_t>* word);

// Whether a SIGBUS in a view of that protection may tell of a page that its file has no more.
// Async-signal-safe, as is the next.
bool MayBeMissingPage(const siginfo_t& fault, const void* context, int prot);

// Whether such a page is missing; true where the signal has told already.
bool IsMissing(const void* address);

// Whether the program itself names the library of that exported symbol, so that it is loaded for
// as long as the program runs.
bool IsLinkedIntoProgram(const char* symbol, const void* address);

// The environment of this process, as environ.
char** Environment();

// The path of the running program.
std::string ProgramPath();

}  // namespace kernel32

#endif
