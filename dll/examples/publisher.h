// What the publishers have in common: they create a mapping with one Block in it, and publish into
// it either what they are told to on stdin, a command a line with an answer a line, until it ends;
// or, with the argument "demo", a state every 50 ms by themselves, for half a minute.
#ifndef DLLMEMFILEMAP_EXAMPLES_PUBLISHER_H
#define DLLMEMFILEMAP_EXAMPLES_PUBLISHER_H

#include <stdio.h>
#include <windows.h>

#include <chrono>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>

constexpr int kDemoStates = 600;
constexpr std::chrono::milliseconds kDemoInterval(50);

// Returns what wmain returns. `execute` does what a command says, and returns the answer; every
// publisher knows "next", which publishes the next state and answers with its number.
template <typename Block, typename Execute>
int Publish(LPCWSTR name, int argc, WCHAR* argv[], Execute execute) {
  const HANDLE mapping =
      CreateFileMappingW(INVALID_HANDLE_VALUE, /*lpFileMappingAttributes=*/nullptr, PAGE_READWRITE,
                         /*dwMaximumSizeHigh=*/0, sizeof(Block), name);
  const DWORD error = GetLastError();
  if (!mapping) {
    fprintf(stderr, "Could not create file mapping object (%lu).\n",
            static_cast<unsigned long>(error));
    return 1;
  }
  // Never into the memory of the real program.
  if (error == ERROR_ALREADY_EXISTS) {
    fprintf(stderr,
            "The mapping exists already: the real program is running, or a reader of it has it "
            "open.\n");
    CloseHandle(mapping);
    return 1;
  }
  void* const view = MapViewOfFile(mapping, FILE_MAP_ALL_ACCESS, /*dwFileOffsetHigh=*/0,
                                   /*dwFileOffsetLow=*/0, sizeof(Block));
  if (!view) {
    fprintf(stderr, "Could not map view of file (%lu).\n",
            static_cast<unsigned long>(GetLastError()));
    CloseHandle(mapping);
    return 1;
  }
  Block& block = *static_cast<Block*>(view);
  std::cout << "ready" << std::endl;
  if (argc > 1 && std::basic_string_view<WCHAR>(argv[1]) == TEXT("demo")) {
    for (int i = 0; i < kDemoStates; ++i) {
      execute(block, "next");
      std::this_thread::sleep_for(kDemoInterval);
    }
  } else {
    for (std::string line; std::getline(std::cin, line);) {
      std::cout << execute(block, line) << std::endl;
    }
  }
  UnmapViewOfFile(view);
  CloseHandle(mapping);
  return 0;
}

#endif
