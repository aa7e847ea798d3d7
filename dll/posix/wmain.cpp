// Linked into programs: main, which calls the wmain that they have on Windows.

#include <windows.h>

#include <string>
#include <vector>

extern "C" int wmain(int argc, WCHAR* argv[]);

int main(int argc, char* argv[]) {
  std::vector<std::u16string> arguments;
  for (int i = 0; i < argc; ++i) {
    const int length = MultiByteToWideChar(CP_UTF8, /*dwFlags=*/0, argv[i], /*cbMultiByte=*/-1,
                                           /*lpWideCharStr=*/nullptr, /*cchWideChar=*/0);
    arguments.emplace_back(length, u'\0');
    MultiByteToWideChar(CP_UTF8, /*dwFlags=*/0, argv[i], /*cbMultiByte=*/-1,
                        arguments.back().data(), length);
  }
  std::vector<WCHAR*> wide;
  for (std::u16string& argument : arguments) wide.push_back(argument.data());
  wide.push_back(nullptr);
  return wmain(argc, wide.data());
}
