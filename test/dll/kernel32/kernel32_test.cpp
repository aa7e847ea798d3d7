// Tests of the boundary: what this project expects of kernel32, be it Windows' own or dll/posix.
//
//     kernel32_test              runs all tests
//     kernel32_test NAME...      runs those
//     kernel32_test --list       prints the names, one a line

#include <stdio.h>

#include <filesystem>
#include <string_view>
#include <vector>

#include "test.h"

namespace test {
namespace {

struct Test {
  const char* name;
  void (*body)();
};

// Filled by static initializers, and so made by the first of them.
std::vector<Test>& Tests() {
  static std::vector<Test> tests;
  return tests;
}

constexpr int kShownFailures = 10;

struct Result {
  int failures = 0;
  std::string details;
};
Result result;
std::vector<std::string> cases;
std::basic_string<WCHAR> program_path;

bool Run(const Test& test) {
  result = Result();
  test.body();
  if (result.failures > kShownFailures) {
    Note("and " + std::to_string(result.failures - kShownFailures) + " more failures");
  }
  printf("%s %s\n%s", result.failures == 0 ? "ok" : "not ok", test.name, result.details.c_str());
  fflush(stdout);  // whatever the next test does
  return result.failures == 0;
}

// Names are ASCII, so what is not cannot be one.
std::string Narrow(LPCWSTR text) {
  std::string narrow;
  for (; *text; ++text) narrow += *text < 0x80 ? static_cast<char>(*text) : '?';
  return narrow;
}

}  // namespace

bool Register(const char* name, void (*body)()) {
  Tests().push_back({name, body});
  return true;
}

void Fail(const char* file, int line, const std::string& expression, const std::string& expected,
          const std::string& actual) {
  if (++result.failures > kShownFailures) return;
  result.details +=
      "  " + std::string(file) + ":" + std::to_string(line) + ": " + expression + "\n";
  for (const std::string& description : cases) result.details += "    with " + description + "\n";
  result.details += "    expected " + expected + "\n    actual   " + actual + "\n";
}

void Note(const std::string& text) { result.details += "  " + text + "\n"; }

Case::Case(const std::string& description) { cases.push_back(description); }

Case::~Case() { cases.pop_back(); }

const std::basic_string<WCHAR>& ProgramPath() { return program_path; }

}  // namespace test

extern "C" int wmain(int argc, WCHAR* argv[]) {
  test::program_path = std::filesystem::absolute(argv[0]).string<WCHAR>();
  const std::string first = argc > 1 ? test::Narrow(argv[1]) : "";
  if (first == "--child") return test::ChildMain(argc, argv);
  if (first == "--list") {
    for (const auto& test : test::Tests()) printf("%s\n", test.name);
    return 0;
  }
  bool passed = true;
  if (argc < 2) {
    for (const auto& test : test::Tests()) passed &= test::Run(test);
  }
  for (int i = 1; i < argc; ++i) {
    const std::string name = test::Narrow(argv[i]);
    bool found = false;
    for (const auto& test : test::Tests()) {
      if (name != test.name) continue;
      found = true;
      passed &= test::Run(test);
    }
    if (!found) printf("not ok %s\n  there is no such test\n", name.c_str());
    passed &= found;
  }
  return passed ? 0 : 1;
}
