// Linked into programs: main, which calls the wmain that they have on Windows.

#include <string>
#include <vector>

#include "utf.h"
#include "windows.h"

extern "C" int wmain(int argc, WCHAR* argv[]);

int main(int argc, char* argv[]) {
  std::vector<std::u16string> arguments;
  for (int i = 0; i < argc; ++i) arguments.push_back(kernel32::ToUtf16(argv[i]));
  std::vector<WCHAR*> wide;
  for (std::u16string& argument : arguments) wide.push_back(argument.data());
  wide.push_back(nullptr);
  return wmain(argc, wide.data());
}
