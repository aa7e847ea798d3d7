// CreateProcessW, and waiting for what it starts.

#include <initializer_list>

#include "child.h"
#include "fixtures.h"
#include "test.h"

using namespace test;

namespace {

std::string Join(const std::vector<Text>& arguments) {
  std::string joined;
  for (const Text& argument : arguments) {
    joined += '[';
    for (const WCHAR unit : argument) {
      joined += unit < 0x80 ? std::string(1, static_cast<char>(unit))
                            : "<" + std::to_string(static_cast<unsigned>(unit)) + ">";
    }
    joined += ']';
  }
  return joined;
}

void ExpectArguments(const Text& command_line, const std::vector<Text>& expected) {
  const Child child(command_line);
  REQUIRE(child.IsReady());
  if (child.Arguments() != expected) {
    test::Fail(__FILE__, __LINE__, "arguments of " + Join({command_line}), Join(expected),
               Join(child.Arguments()));
  }
}

BOOL Start(Text command_line) {
  STARTUPINFOW startup = {};
  startup.cb = sizeof startup;
  PROCESS_INFORMATION process = {};
  return CreateProcessW(/*lpApplicationName=*/nullptr, command_line.data(),
                        /*lpProcessAttributes=*/nullptr, /*lpThreadAttributes=*/nullptr,
                        /*bInheritHandles=*/TRUE, /*dwCreationFlags=*/0, /*lpEnvironment=*/nullptr,
                        /*lpCurrentDirectory=*/nullptr, &startup, &process);
}

}  // namespace

TEST("CreateProcessW of a program that is missing is ERROR_FILE_NOT_FOUND") {
  const Text program = UniqueName(TEXT("missing"));
  for (const Text& command_line :
       {program, program + TEXT(".exe"), program + TEXT(" with arguments"),
        TEXT("\"") + program + TEXT("\""), TEXT("\"") + program + TEXT("\" with arguments"),
        TEXT("./") + program}) {
    EXPECT_FAILS(Start(command_line), ERROR_FILE_NOT_FOUND);
  }
}

TEST("CreateProcessW of a command line that names nothing, or a folder, is ERROR_FILE_NOT_FOUND") {
  for (const Text& command_line : {Text(), Text(TEXT(" ")), Text(TEXT("\t")), Text(TEXT("."))}) {
    EXPECT_FAILS(Start(command_line), ERROR_FILE_NOT_FOUND);
  }
}

TEST("CreateProcessW of a program with a longer name than any file has fails") {
  EXPECT_FAILS_SOMEHOW(Start(Text(300, TEXT('x'))));
}

TEST("CreateProcessW gives handles and numbers of a process and a thread that run") {
  Text command_line = TEXT("\"") + ProgramPath() + TEXT("\" --child");
  STARTUPINFOW startup = {};
  startup.cb = sizeof startup;
  PROCESS_INFORMATION process = {};
  REQUIRE(CreateProcessW(/*lpApplicationName=*/nullptr, command_line.data(),
                         /*lpProcessAttributes=*/nullptr, /*lpThreadAttributes=*/nullptr,
                         /*bInheritHandles=*/TRUE, /*dwCreationFlags=*/0, /*lpEnvironment=*/nullptr,
                         /*lpCurrentDirectory=*/nullptr, &startup, &process));
  EXPECT(process.hProcess != nullptr);
  EXPECT(process.hThread != nullptr);
  EXPECT(process.hProcess != process.hThread);
  EXPECT(process.dwProcessId != 0);
  EXPECT(process.dwProcessId != GetCurrentProcessId());
  EXPECT(process.dwThreadId != 0);
  EXPECT_EQ(WaitForSingleObject(process.hProcess, kPatience), WAIT_OBJECT_0);
  EXPECT_EQ(WaitForSingleObject(process.hThread, kPatience), WAIT_OBJECT_0);
  EXPECT_KEEPS_LAST_ERROR(CloseHandle(process.hThread));
  EXPECT_KEEPS_LAST_ERROR(CloseHandle(process.hProcess));
  EXPECT_FAILS(CloseHandle(process.hThread), ERROR_INVALID_HANDLE);
  EXPECT_FAILS(CloseHandle(process.hProcess), ERROR_INVALID_HANDLE);
}

TEST("WaitForSingleObject of a process that runs is WAIT_TIMEOUT") {
  const Child child(TEXT("waiting"));
  REQUIRE(child.IsReady());
  SetLastError(kUntouched);
  const DWORD result = WaitForSingleObject(child.process(), 0);
  EXPECT_EQ(GetLastError(), kUntouched);
  EXPECT_EQ(result, WAIT_TIMEOUT);
  EXPECT_EQ(WaitForSingleObject(child.process(), 1), WAIT_TIMEOUT);
}

TEST("WaitForSingleObject of a process that has ended is WAIT_OBJECT_0 again and again") {
  Child child(TEXT("waiting"));
  REQUIRE(child.IsReady());
  EXPECT(child.End());
  for (const DWORD milliseconds : std::initializer_list<DWORD>{0, 1, INFINITE}) {
    SetLastError(kUntouched);
    const DWORD result = WaitForSingleObject(child.process(), milliseconds);
    EXPECT_EQ(GetLastError(), kUntouched);
    EXPECT_EQ(result, WAIT_OBJECT_0);
  }
}

TEST("A process runs on after its handles are closed") {
  const Text name = UniqueName();
  Child child(TEXT("holding"), name);
  REQUIRE(child.IsReady());
  child.Detach();
  const Handle opened(Open(name));
  EXPECT(opened);
}

TEST("A command line is split at spaces and tabs") {
  ExpectArguments(TEXT("a b"), {TEXT("a"), TEXT("b")});
  ExpectArguments(TEXT("a  \t b \t"), {TEXT("a"), TEXT("b")});
}

TEST("A command line is unquoted as Microsoft documents") {
  ExpectArguments(TEXT("\"abc\" d e"), {TEXT("abc"), TEXT("d"), TEXT("e")});
  ExpectArguments(TEXT("a\\\\b d\"e f\"g h"), {TEXT("a\\\\b"), TEXT("de fg"), TEXT("h")});
  ExpectArguments(TEXT("a\\\\\\\"b c d"), {TEXT("a\\\"b"), TEXT("c"), TEXT("d")});
  ExpectArguments(TEXT("a\\\\\\\\\"b c\" d e"), {TEXT("a\\\\b c"), TEXT("d"), TEXT("e")});
  ExpectArguments(TEXT("a\"b\"\" c d"), {TEXT("ab\" c d")});
}

TEST("A command line keeps empty arguments and those without an end") {
  ExpectArguments(TEXT("\"\" a \"\""), {TEXT(""), TEXT("a"), TEXT("")});
  ExpectArguments(TEXT("\"a b"), {TEXT("a b")});
  ExpectArguments(TEXT("a\\ \"b\\\\\""), {TEXT("a\\"), TEXT("b\\")});
}

TEST("A command line means nothing to any shell") {
  ExpectArguments(TEXT("$HOME %PATH% ; | & > < `x` $(y) ~ ! # 'a b' (c)"),
                  {TEXT("$HOME"), TEXT("%PATH%"), TEXT(";"), TEXT("|"), TEXT("&"), TEXT(">"),
                   TEXT("<"), TEXT("`x`"), TEXT("$(y)"), TEXT("~"), TEXT("!"), TEXT("#"),
                   TEXT("'a"), TEXT("b'"), TEXT("(c)")});
  ExpectArguments(TEXT("a\nb"), {TEXT("a\nb")});
}

TEST("A command line passes every character") {
  ExpectArguments(TEXT("\x00E9\x4E2D\xD83D\xDE00 \"\xFEFF \x200B\""),
                  {TEXT("\x00E9\x4E2D\xD83D\xDE00"), TEXT("\xFEFF \x200B")});
}
