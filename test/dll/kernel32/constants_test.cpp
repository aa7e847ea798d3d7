// The values, layouts and types of the header. The compiler checks them: against Windows' own
// header when this program is built for Windows, against dll/posix/windows.h elsewhere.

#include <stddef.h>
#include <windows.h>

// After windows.h, which MinGW's needs.
#include <sddl.h>

#include <type_traits>

#include "test.h"

static_assert(TRUE == 1, "");
static_assert(FALSE == 0, "");
static_assert(MAX_PATH == 260, "");
static_assert(INFINITE == 0xFFFFFFFF, "");
static_assert(ERROR_SUCCESS == 0, "");
static_assert(ERROR_FILE_NOT_FOUND == 2, "");
static_assert(ERROR_PATH_NOT_FOUND == 3, "");
static_assert(ERROR_TOO_MANY_OPEN_FILES == 4, "");
static_assert(ERROR_ACCESS_DENIED == 5, "");
static_assert(ERROR_INVALID_HANDLE == 6, "");
static_assert(ERROR_NOT_ENOUGH_MEMORY == 8, "");
static_assert(ERROR_WRITE_PROTECT == 19, "");
static_assert(ERROR_BAD_LENGTH == 24, "");
static_assert(ERROR_GEN_FAILURE == 31, "");
static_assert(ERROR_NOT_SUPPORTED == 50, "");
static_assert(ERROR_INVALID_PARAMETER == 87, "");
static_assert(ERROR_INSUFFICIENT_BUFFER == 122, "");
static_assert(ERROR_INVALID_NAME == 123, "");
static_assert(ERROR_MOD_NOT_FOUND == 126, "");
static_assert(ERROR_PROC_NOT_FOUND == 127, "");
static_assert(ERROR_BAD_PATHNAME == 161, "");
static_assert(ERROR_BUSY == 170, "");
static_assert(ERROR_ALREADY_EXISTS == 183, "");
static_assert(ERROR_BAD_EXE_FORMAT == 193, "");
static_assert(ERROR_FILENAME_EXCED_RANGE == 206, "");
static_assert(ERROR_MR_MID_NOT_FOUND == 317, "");
static_assert(ERROR_INVALID_ADDRESS == 487, "");
static_assert(ERROR_NOACCESS == 998, "");
static_assert(ERROR_INVALID_FLAGS == 1004, "");
static_assert(ERROR_DLL_INIT_FAILED == 1114, "");
static_assert(ERROR_MAPPED_ALIGNMENT == 1132, "");
static_assert(ERROR_UNKNOWN_REVISION == 1305, "");
static_assert(ERROR_COMMITMENT_LIMIT == 1455, "");
static_assert(FORMAT_MESSAGE_IGNORE_INSERTS == 0x0200, "");
static_assert(FORMAT_MESSAGE_FROM_SYSTEM == 0x1000, "");
static_assert(WAIT_OBJECT_0 == 0, "");
static_assert(WAIT_TIMEOUT == 258, "");
static_assert(WAIT_FAILED == 0xFFFFFFFF, "");
static_assert(GENERIC_READ == 0x80000000, "");
static_assert(GENERIC_WRITE == 0x40000000, "");
static_assert(GENERIC_EXECUTE == 0x20000000, "");
static_assert(GENERIC_ALL == 0x10000000, "");
static_assert(MAXIMUM_ALLOWED == 0x02000000, "");
static_assert(SECURITY_DESCRIPTOR_REVISION == 1, "");
static_assert(SE_DACL_PRESENT == 0x0004, "");
static_assert(SE_DACL_DEFAULTED == 0x0008, "");
static_assert(PAGE_NOACCESS == 0x01, "");
static_assert(PAGE_READONLY == 0x02, "");
static_assert(PAGE_READWRITE == 0x04, "");
static_assert(PAGE_WRITECOPY == 0x08, "");
static_assert(PAGE_EXECUTE_READ == 0x20, "");
static_assert(PAGE_EXECUTE_READWRITE == 0x40, "");
static_assert(PAGE_EXECUTE_WRITECOPY == 0x80, "");
static_assert(SEC_RESERVE == 0x04000000, "");
static_assert(SEC_COMMIT == 0x08000000, "");
static_assert(FILE_MAP_COPY == 0x0001, "");
static_assert(FILE_MAP_WRITE == 0x0002, "");
static_assert(FILE_MAP_READ == 0x0004, "");
static_assert(FILE_MAP_EXECUTE == 0x0020, "");
static_assert(FILE_MAP_ALL_ACCESS == 0x000F001F, "");
static_assert(MEM_COMMIT == 0x1000, "");
static_assert(MEM_MAPPED == 0x40000, "");
static_assert(DLL_PROCESS_DETACH == 0, "");
static_assert(DLL_PROCESS_ATTACH == 1, "");
static_assert(DLL_THREAD_ATTACH == 2, "");
static_assert(DLL_THREAD_DETACH == 3, "");
static_assert(CP_UTF8 == 65001, "");
static_assert(HANDLE_FLAG_INHERIT == 0x0001, "");
static_assert(ENABLE_PROCESSED_INPUT == 0x0001, "");
static_assert(ENABLE_LINE_INPUT == 0x0002, "");
static_assert(ENABLE_ECHO_INPUT == 0x0004, "");
static_assert(MB_OK == 0, "");
static_assert(IDOK == 1, "");
static_assert(SDDL_REVISION_1 == 1, "");
static_assert(STD_INPUT_HANDLE == 0xFFFFFFF6, "");
static_assert(STD_OUTPUT_HANDLE == 0xFFFFFFF5, "");
static_assert(STD_ERROR_HANDLE == 0xFFFFFFF4, "");

// Of 64-bit Windows, which the 64-bit systems of this project agree with.
static_assert(sizeof(BOOL) == 4 && std::is_signed<BOOL>::value, "");
static_assert(sizeof(BYTE) == 1 && std::is_unsigned<BYTE>::value, "");
static_assert(sizeof(WORD) == 2 && std::is_unsigned<WORD>::value, "");
static_assert(sizeof(DWORD) == 4 && std::is_unsigned<DWORD>::value, "");
static_assert(sizeof(UINT) == 4 && std::is_unsigned<UINT>::value, "");
static_assert(sizeof(WCHAR) == 2 && std::is_unsigned<WCHAR>::value, "");
static_assert(std::is_same<TCHAR, WCHAR>::value, "");
static_assert(sizeof(ULONG_PTR) == sizeof(void*) && std::is_unsigned<ULONG_PTR>::value, "");
static_assert(sizeof(INT_PTR) == sizeof(void*) && std::is_signed<INT_PTR>::value, "");
static_assert(sizeof(SIZE_T) == sizeof(void*) && std::is_unsigned<SIZE_T>::value, "");
static_assert(std::is_same<HMODULE, HINSTANCE>::value, "");
static_assert(std::is_same<decltype(FARPROC()()), INT_PTR>::value, "");

static_assert(sizeof(SECURITY_ATTRIBUTES) == 24, "");
static_assert(offsetof(SECURITY_ATTRIBUTES, lpSecurityDescriptor) == 8, "");
static_assert(offsetof(SECURITY_ATTRIBUTES, bInheritHandle) == 16, "");
static_assert(sizeof(SECURITY_DESCRIPTOR) == 40, "");
static_assert(offsetof(SECURITY_DESCRIPTOR, Control) == 2, "");
static_assert(offsetof(SECURITY_DESCRIPTOR, Dacl) == 32, "");
static_assert(sizeof(MEMORY_BASIC_INFORMATION) == 48, "");
static_assert(offsetof(MEMORY_BASIC_INFORMATION, RegionSize) == 24, "");
static_assert(offsetof(MEMORY_BASIC_INFORMATION, State) == 32, "");
static_assert(offsetof(MEMORY_BASIC_INFORMATION, Protect) == 36, "");
static_assert(offsetof(MEMORY_BASIC_INFORMATION, Type) == 40, "");
static_assert(sizeof(STARTUPINFO) == 104, "");
static_assert(offsetof(STARTUPINFO, dwX) == 32, "");
static_assert(offsetof(STARTUPINFO, hStdInput) == 80, "");
static_assert(sizeof(PROCESS_INFORMATION) == 24, "");
static_assert(offsetof(PROCESS_INFORMATION, dwProcessId) == 16, "");

TEST("With UNICODE the names without a suffix are the functions for UTF-16") {
  EXPECT(&CreateFileMapping == &CreateFileMappingW);
  EXPECT(&CreateProcess == &CreateProcessW);
  EXPECT(&FormatMessage == &FormatMessageW);
  EXPECT(&LoadLibrary == &LoadLibraryW);
  EXPECT(&MessageBox == &MessageBoxW);
  EXPECT(&OpenFileMapping == &OpenFileMappingW);
  EXPECT(&lstrlen == &lstrlenW);
  static_assert(
      std::is_same<decltype(&ConvertStringSecurityDescriptorToSecurityDescriptor),
                   decltype(&ConvertStringSecurityDescriptorToSecurityDescriptorW)>::value,
      "");
}
