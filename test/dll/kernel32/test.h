// Registering and checking: all that these tests need in place of a framework.
#ifndef DLLMEMFILEMAP_TEST_NATIVE_TEST_H
#define DLLMEMFILEMAP_TEST_NATIVE_TEST_H

#include <windows.h>

#include <string>
#include <type_traits>

namespace test {

// What a call that is to leave the last error alone finds there. Bit 29 is for codes of programs.
constexpr DWORD kUntouched = 0x20000001;

// Registers a test. Its name is a sentence of the contract, made of letters, digits, spaces,
// hyphens and underscores, so that it can stand on any command line.
bool Register(const char* name, void (*body)());

// Marks the running test as failed and says why. Only for the thread that runs the test.
void Fail(const char* file, int line, const std::string& expression, const std::string& expected,
          const std::string& actual);

// Says something about the running test that is no failure.
void Note(const std::string& text);

// Adds to every failure in its scope which of many cases it was.
class Case {
 public:
  explicit Case(const std::string& description);
  ~Case();
  Case(const Case&) = delete;
  Case& operator=(const Case&) = delete;
};

template <typename T>
std::string Show(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_pointer_v<T>) {
    return "address " + std::to_string(reinterpret_cast<ULONG_PTR>(value));
  } else {
    return std::to_string(value);
  }
}

template <typename T>
void ExpectEqual(const char* file, int line, const char* expression, const T& actual,
                 const std::common_type_t<T>& expected) {
  if (!(actual == expected)) Fail(file, line, expression, Show<T>(expected), Show(actual));
}

inline std::string Outcome(bool success, DWORD error) {
  return (success ? "success, last error " : "failure, last error ") +
         (error == kUntouched ? "untouched" : std::to_string(error));
}

inline void ExpectOutcome(const char* file, int line, const char* call, bool expected_success,
                          DWORD expected_error, bool success, DWORD error) {
  if (success != expected_success || error != expected_error) {
    Fail(file, line, call, Outcome(expected_success, expected_error), Outcome(success, error));
  }
}

// The absolute path of this program.
const std::basic_string<WCHAR>& ProgramPath();

// What a test's own child process does, started with `--child` as its first argument.
int ChildMain(int argc, WCHAR* argv[]);

}  // namespace test

#define TEST_JOIN2(a, b) a##b
#define TEST_JOIN(a, b) TEST_JOIN2(a, b)
#define TEST(name)                                                     \
  static void TEST_JOIN(Test, __LINE__)();                             \
  [[maybe_unused]] static const bool TEST_JOIN(registered, __LINE__) = \
      test::Register(name, &TEST_JOIN(Test, __LINE__));                \
  static void TEST_JOIN(Test, __LINE__)()

#define EXPECT_EQ(actual, expected) test::ExpectEqual(__FILE__, __LINE__, #actual, actual, expected)

#define EXPECT(condition) EXPECT_EQ(static_cast<bool>(condition), true)

// Ends the test where going on makes no sense.
#define REQUIRE(condition)                                         \
  do {                                                             \
    const bool met_ = static_cast<bool>(condition);                \
    test::ExpectEqual(__FILE__, __LINE__, #condition, met_, true); \
    if (!met_) return;                                             \
  } while (false)

#define EXPECT_OUTCOME_(call, expected_success, expected_error)                                \
  do {                                                                                         \
    SetLastError(test::kUntouched);                                                            \
    const bool success_ = (call) != 0;                                                         \
    const DWORD error_ = GetLastError();                                                       \
    test::ExpectOutcome(__FILE__, __LINE__, #call, expected_success, expected_error, success_, \
                        error_);                                                               \
  } while (false)

// The call returns FALSE or null, and leaves that last error.
#define EXPECT_FAILS(call, expected_error) EXPECT_OUTCOME_(call, false, expected_error)

// The call succeeds, and leaves the last error as it was.
#define EXPECT_KEEPS_LAST_ERROR(call) EXPECT_OUTCOME_(call, true, test::kUntouched)

// The call fails, with whatever last error.
#define EXPECT_FAILS_SOMEHOW(call) EXPECT_EQ((call) != 0, false)

#endif
