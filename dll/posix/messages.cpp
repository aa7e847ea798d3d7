// FormatMessageW: what an error code says, and what stood in the way of the call that set it.

#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <new>

#include "errors.h"
#include "utf.h"

namespace kernel32 {
namespace {

// One sentence for every error code in windows.h.
const char* SentenceFor(DWORD error) {
  switch (error) {
    case ERROR_SUCCESS:
      return "Nothing failed.";
    case ERROR_FILE_NOT_FOUND:
      return "There is nothing of that name.";
    case ERROR_PATH_NOT_FOUND:
      return "There is no such directory.";
    case ERROR_TOO_MANY_OPEN_FILES:
      return "This process or the system has too many files or handles open.";
    case ERROR_ACCESS_DENIED:
      return "Access was denied.";
    case ERROR_INVALID_HANDLE:
      return "There is no handle of that value, or it is not for this use.";
    case ERROR_NOT_ENOUGH_MEMORY:
      return "There is not enough memory, address space, or room for another thread or process.";
    case ERROR_WRITE_PROTECT:
      return "What was to be written to may only be read.";
    case ERROR_BAD_LENGTH:
      return "A length is not the one that was expected.";
    case ERROR_GEN_FAILURE:
      return "The system failed in a way that has no code of its own.";
    case ERROR_NOT_SUPPORTED:
      return "This system does not support what was asked for.";
    case ERROR_INVALID_PARAMETER:
      return "An argument is not valid.";
    case ERROR_INSUFFICIENT_BUFFER:
      return "The buffer is too small.";
    case ERROR_INVALID_NAME:
      return "The name is not valid.";
    case ERROR_MOD_NOT_FOUND:
      return "The library, or one that it needs, was not found.";
    case ERROR_PROC_NOT_FOUND:
      return "The library does not export that.";
    case ERROR_BAD_PATHNAME:
      return "The path is not valid.";
    case ERROR_BUSY:
      return "It is in use.";
    case ERROR_ALREADY_EXISTS:
      return "There is one of that name already.";
    case ERROR_BAD_EXE_FORMAT:
      return "The file is not a program or library for this system.";
    case ERROR_FILENAME_EXCED_RANGE:
      return "The name or the command line is too long.";
    case WAIT_TIMEOUT:
      return "The time to wait has passed.";
    case ERROR_NOT_OWNER:
      return "The thread does not own the mutex.";
    case ERROR_TOO_MANY_POSTS:
      return "The semaphore's count would become larger than its maximum.";
    case ERROR_MR_MID_NOT_FOUND:
      return "There is no text for that code.";
    case ERROR_INVALID_ADDRESS:
      return "The address is not valid.";
    case ERROR_NOACCESS:
      return "The memory at that address cannot be used.";
    case ERROR_INVALID_FLAGS:
      return "The flags are not valid.";
    case ERROR_DLL_INIT_FAILED:
      return "The library's entry point failed.";
    case ERROR_MAPPED_ALIGNMENT:
      return "The offset or the address is not aligned.";
    case ERROR_UNKNOWN_REVISION:
      return "The revision is unknown.";
    case ERROR_COMMITMENT_LIMIT:
      return "There is no room for that much shared memory.";
    default:
      return "";
  }
}

const char* KindOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFLNK:
      return "a symbolic link";
    case S_IFDIR:
      return "a folder";
    case S_IFIFO:
      return "a FIFO";
    case S_IFSOCK:
      return "a socket";
    case S_IFREG:
      return "a file";
    default:
      return "a device";
  }
}

std::string NameOf(uid_t user) {
  passwd entry;
  passwd* found = nullptr;
  char buffer[4096];
  if (getpwuid_r(user, &entry, buffer, sizeof buffer, &found) != 0 || !found) return "no name";
  return found->pw_name;
}

std::string Describe(const Obstacle& obstacle) {
  const std::string path = obstacle.path;
  if (obstacle.error != 0) return path + ": " + strerror(obstacle.error) + ".";
  const mode_t permissions = obstacle.mode & 07777;
  std::string text = path + " is " + KindOf(obstacle.mode);
  if (S_ISREG(obstacle.mode)) text += " of " + std::to_string(obstacle.size) + " bytes";
  text += " with mode ";
  for (const int shift : {9, 6, 3, 0})
    text += static_cast<char>('0' + ((permissions >> shift) & 7));
  text += " and belongs to user " + std::to_string(obstacle.owner) + " (" + NameOf(obstacle.owner);
  return text + ")" + obstacle.trouble + ".";
}

}  // namespace

std::string MessageForError(DWORD error) {
  const std::string sentence = SentenceFor(error);
  const Obstacle& obstacle = LastObstacle();
  if (sentence.empty() || error != GetLastError() || obstacle.path[0] == '\0') return sentence;
  return sentence + " " + Describe(obstacle);
}

}  // namespace kernel32

using namespace kernel32;

DWORD WINAPI FormatMessageW(DWORD dwFlags, LPCVOID, DWORD dwMessageId, DWORD, LPWSTR lpBuffer,
                            DWORD nSize, va_list*) try {
  if (dwFlags != (FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS)) {
    return Fail<DWORD>(ERROR_NOT_SUPPORTED);
  }
  if (!lpBuffer) return Fail<DWORD>(ERROR_INVALID_PARAMETER);
  const std::u16string text = ToUtf16(MessageForError(dwMessageId));
  if (text.empty()) return Fail<DWORD>(ERROR_MR_MID_NOT_FOUND);
  const std::u16string line = text + u"\r\n";
  if (line.size() >= nSize) return Fail<DWORD>(ERROR_INSUFFICIENT_BUFFER);
  lpBuffer[line.copy(lpBuffer, line.size())] = 0;
  return static_cast<DWORD>(line.size());
} catch (const std::bad_alloc&) {
  return Fail<DWORD>(ERROR_NOT_ENOUGH_MEMORY);
}
