// The standard input, as far as a program that waits for a key needs it, and a message box for a
// terminal.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

#include <new>

#include "errors.h"
#include "handles.h"
#include "utf.h"

using namespace kernel32;

namespace {

// As on Windows before 8, a console's handle has its lowest bits set, which no other has: 3, 7
// and 11.
HANDLE StandardHandle(int fd) { return reinterpret_cast<HANDLE>(intptr_t{fd} * 4 + 3); }

// The descriptor of a standard handle, or -1.
int StandardDescriptor(HANDLE handle) {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (handle == StandardHandle(fd)) return fd;
  }
  return -1;
}

struct ModeFlag {
  DWORD mode;
  tcflag_t terminal;
};
constexpr ModeFlag kModeFlags[] = {
    {ENABLE_PROCESSED_INPUT, ISIG}, {ENABLE_LINE_INPUT, ICANON}, {ENABLE_ECHO_INPUT, ECHO}};

bool GetTerminal(HANDLE handle, termios* terminal) {
  return handle == StandardHandle(STDIN_FILENO) && tcgetattr(STDIN_FILENO, terminal) == 0;
}

}  // namespace

HANDLE WINAPI GetStdHandle(DWORD nStdHandle) {
  switch (nStdHandle) {
    case STD_INPUT_HANDLE:
      return StandardHandle(STDIN_FILENO);
    case STD_OUTPUT_HANDLE:
      return StandardHandle(STDOUT_FILENO);
    case STD_ERROR_HANDLE:
      return StandardHandle(STDERR_FILENO);
    default:
      return Fail<HANDLE>(ERROR_INVALID_HANDLE, INVALID_HANDLE_VALUE);
  }
}

BOOL WINAPI SetHandleInformation(HANDLE hObject, DWORD dwMask, DWORD dwFlags) {
  const int fd = StandardDescriptor(hObject);
  if (fd < 0 && !FindObject(hObject)) return Fail<BOOL>(ERROR_INVALID_HANDLE);
  if ((dwMask & ~HANDLE_FLAG_INHERIT) != 0) return Fail<BOOL>(ERROR_INVALID_PARAMETER);
  if (dwMask == 0) return TRUE;
  if (fd < 0) {
    // Only the standard handles can be inherited.
    return (dwFlags & HANDLE_FLAG_INHERIT) == 0 ? TRUE : Fail<BOOL>(ERROR_NOT_SUPPORTED);
  }
  const int flags = (dwFlags & HANDLE_FLAG_INHERIT) != 0 ? 0 : FD_CLOEXEC;
  return fcntl(fd, F_SETFD, flags) == 0 ? TRUE : Fail<BOOL>(ERROR_INVALID_HANDLE);
}

BOOL WINAPI GetConsoleMode(HANDLE hConsoleHandle, LPDWORD lpMode) {
  termios terminal;
  if (!lpMode || !GetTerminal(hConsoleHandle, &terminal)) return Fail<BOOL>(ERROR_INVALID_HANDLE);
  *lpMode = 0;
  for (const ModeFlag& flag : kModeFlags) {
    if ((terminal.c_lflag & flag.terminal) != 0) *lpMode |= flag.mode;
  }
  return TRUE;
}

BOOL WINAPI SetConsoleMode(HANDLE hConsoleHandle, DWORD dwMode) {
  termios terminal;
  if (!GetTerminal(hConsoleHandle, &terminal)) return Fail<BOOL>(ERROR_INVALID_HANDLE);
  for (const ModeFlag& flag : kModeFlags) {
    terminal.c_lflag &= ~flag.terminal;
    if ((dwMode & flag.mode) != 0) terminal.c_lflag |= flag.terminal;
  }
  return Retry([&] { return tcsetattr(STDIN_FILENO, TCSANOW, &terminal); }) == 0
             ? TRUE
             : Fail<BOOL>(ErrorFromErrno(errno));
}

// A terminal of these systems shows UTF-8 without being told.
BOOL WINAPI SetConsoleOutputCP(UINT wCodePageID) {
  return wCodePageID == CP_UTF8 ? TRUE : Fail<BOOL>(ERROR_INVALID_PARAMETER);
}

BOOL WINAPI ReadFile(HANDLE hFile, LPVOID lpBuffer, DWORD nNumberOfBytesToRead,
                     LPDWORD lpNumberOfBytesRead, LPOVERLAPPED lpOverlapped) {
  if (lpNumberOfBytesRead) *lpNumberOfBytesRead = 0;  // whatever fails
  if (hFile != StandardHandle(STDIN_FILENO)) return Fail<BOOL>(ERROR_INVALID_HANDLE);
  if (!lpBuffer || !lpNumberOfBytesRead || lpOverlapped) return Fail<BOOL>(ERROR_INVALID_PARAMETER);
  ssize_t count;
  while ((count = Retry([&] { return read(STDIN_FILENO, lpBuffer, nNumberOfBytesToRead); })) < 0 &&
         errno == EAGAIN) {
    // Another process that has the same input made it non-blocking. On macOS, poll does not wait
    // for a terminal.
    fd_set input;
    FD_ZERO(&input);
    FD_SET(STDIN_FILENO, &input);
    select(STDIN_FILENO + 1, &input, /*writefds=*/nullptr, /*exceptfds=*/nullptr,
           /*timeout=*/nullptr);
  }
  if (count < 0) return Fail<BOOL>(ErrorFromErrno(errno));
  *lpNumberOfBytesRead = static_cast<DWORD>(count);
  return TRUE;
}

int WINAPI MessageBoxW(HWND, LPCWSTR lpText, LPCWSTR lpCaption, UINT uType) try {
  if (uType != MB_OK) return Fail<int>(ERROR_INVALID_PARAMETER);
  printf("%s\n%s\n", ToUtf8(lpCaption ? lpCaption : u"Error").c_str(),
         ToUtf8(lpText ? lpText : u"").c_str());
  fflush(stdout);
  return IDOK;
} catch (const std::bad_alloc&) {
  return Fail<int>(ERROR_NOT_ENOUGH_MEMORY);
}
