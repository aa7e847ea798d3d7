// The benchmark's rows in C++. What it measures goes to stdout, one line of JSON.

#include <dllmemfilemap.h>
#include <stdio.h>
#include <string.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <string>
#include <vector>

#include "measure.h"

namespace {

using bench::Measure;
using bench::Row;

// Read anew at every call, so that the compiler cannot know what it is.
void* (*volatile opaque_memcpy)(void*, const void*, size_t) = memcpy;

std::vector<WCHAR> Wide(const std::string& text) {
  std::vector<WCHAR> wide(text.begin(), text.end());
  wide.push_back(0);
  return wide;
}

constexpr size_t kMebibyte = 1 << 20;

// memcpy, through a pointer that the compiler does not know.
Row Memcpy(const std::string& name, size_t size) {
  alignas(64) static BYTE from[kMebibyte], to[kMebibyte];
  memset(from, 1, sizeof from);
  return {name, [size](int times) {
            for (int i = 0; i < times; ++i) opaque_memcpy(to, from, size);
          }};
}

// SetSharedMem and GetSharedMem beside memcpy.
void Copy(bool quick) {
  alignas(64) static WCHAR text[SHMEMSIZE], buffer[SHMEMSIZE];
  const auto set_text = [](int length) {
    std::fill(text, text + length, WCHAR{'x'});
    text[length] = 0;
  };
  std::vector<Row> rows = {Memcpy("memcpy 42", 42), Memcpy("memcpy 4096", 4096)};
  for (const int length : {21, 2047}) {
    rows.push_back({"set " + std::to_string(length), [=](int times) {
                      set_text(length);
                      for (int i = 0; i < times; ++i) SetSharedMem(text);
                    }});
    rows.push_back({"get " + std::to_string(length), [=](int times) {
                      set_text(length);
                      SetSharedMem(text);
                      for (int i = 0; i < times; ++i) GetSharedMem(buffer, SHMEMSIZE / 2 + 1);
                    }});
  }
  Measure(rows, quick ? 1 : 7, quick ? 3 : 41, /*batch=*/2000);
}

// The word of a mapping that two processes take turns to raise: odd is the second one's turn.
std::atomic<int>* Word(const std::string& name) {
  const HANDLE mapping =
      OpenFileMappingW(FILE_MAP_ALL_ACCESS, /*bInheritHandle=*/FALSE, Wide(name).data());
  void* view = mapping ? MapViewOfFile(mapping, FILE_MAP_ALL_ACCESS, 0, 0, 0) : nullptr;
  if (!view) {
    fprintf(stderr, "Cannot open '%s': %lu\n", name.c_str(),
            static_cast<unsigned long>(GetLastError()));
    exit(1);
  }
  return static_cast<std::atomic<int>*>(view);
}

// There and back on one word, without any text.
void Ping(std::atomic<int>* word, bool quick) {
  int turn = word->load();
  Measure({{"there and back",
            [&](int times) {
              for (int i = 0; i < times; ++i) {
                word->store(++turn);
                while (word->load(std::memory_order_acquire) == turn) continue;
                ++turn;
              }
            }}},
          quick ? 1 : 5, quick ? 3 : 2001, /*batch=*/10);
  word->store(-1);
}

// The second process, with or without a text. Ends at -1.
void Pong(std::atomic<int>* word, bool with_text) {
  WCHAR text[SHMEMSIZE / 2];
  for (;;) {
    const int turn = word->load(std::memory_order_acquire);
    if (turn < 0) return;
    if (turn % 2 == 0) continue;
    if (with_text) {
      GetSharedMem(text, SHMEMSIZE / 2);
      SetSharedMem(text);
    }
    word->store(turn + 1, std::memory_order_release);
  }
}

HANDLE Open(const std::vector<WCHAR>& name) {
  return OpenFileMappingW(FILE_MAP_ALL_ACCESS, /*bInheritHandle=*/FALSE, name.data());
}

void AttachAndDetach(const std::vector<WCHAR>& name) {
  const HANDLE mapping =
      CreateFileMappingW(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, 0, SHMEMSIZE, name.data());
  UnmapViewOfFile(MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0));
  CloseHandle(mapping);
}

// Attaching and detaching while that many handles to the object are alive.
void Handles(const std::string& name, int count, bool quick) {
  const std::vector<WCHAR> wide = Wide(name);
  std::vector<HANDLE> handles = {
      CreateFileMappingW(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, 0, SHMEMSIZE, wide.data())};
  while (static_cast<int>(handles.size()) < count) handles.push_back(Open(wide));
  const auto repeat = [&](int times) {
    for (int i = 0; i < times; ++i) AttachAndDetach(wide);
  };
  if (std::count(handles.begin(), handles.end(), HANDLE{nullptr}) > 0) {
    printf("{}\n");
    return;
  }
  Measure({{"attach and detach", repeat}}, quick ? 1 : 5, quick ? 3 : 101, /*batch=*/10);
}

std::string NameOf(const std::string& prefix, int i) { return prefix + "-" + std::to_string(i); }

// Opening and closing one of that many objects. Then says so, and keeps them until stdin ends.
void Objects(const std::string& prefix, int count, bool quick) {
  std::vector<HANDLE> handles;
  std::vector<std::vector<WCHAR>> names;
  for (int i = 0; i < count; ++i) {
    names.push_back(Wide(NameOf(prefix, i)));
    handles.push_back(CreateFileMappingW(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, 0,
                                         SHMEMSIZE, names.back().data()));
    if (!handles.back()) {
      printf("{}\n");
      return;
    }
  }
  size_t next = 0;
  const auto repeat = [&](int times) {
    for (int i = 0; i < times; ++i) {
      next = (next + 7919) % names.size();
      CloseHandle(Open(names[next]));
    }
  };
  Measure({{"open and close", repeat}}, quick ? 1 : 5, quick ? 3 : 101, /*batch=*/10);
  std::cin.get();
}

}  // namespace

int main(int argc, char* argv[]) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto argument = [&](size_t i) { return i < arguments.size() ? arguments[i] : ""; };
  const bool quick = !arguments.empty() && arguments.back() == "quick";
  const std::string what = argument(0);
  if (what == "copy") Copy(quick);
  if (what == "memcpy") {
    Measure({Memcpy("1 MiB", kMebibyte)}, quick ? 1 : 7, quick ? 3 : 41, /*batch=*/8);
  }
  if (what == "ping") Ping(Word(argument(1)), quick);
  if (what == "pong") Pong(Word(argument(1)), /*with_text=*/false);
  if (what == "echo") Pong(Word(argument(1)), /*with_text=*/true);
  if (what == "handles") Handles(argument(1), std::stoi(argument(2)), quick);
  if (what == "objects") Objects(argument(1), std::stoi(argument(2)), quick);
  if (what == "hold") {
    puts("{}");
    fflush(stdout);
    std::cin.get();
  }
  return 0;
}
