// Every function that takes a handle, a module, an address or a number of another kind, with
// those of its own kind, those of the others, those that were closed, and any number at all.

#include <sddl.h>

#include <set>
#include <vector>

#include "fuzz.h"

using namespace test;

namespace {

using Number = ULONG_PTR;

template <typename T>
T As(Number number) {
  return reinterpret_cast<T>(number);
}

template <typename T>
Number NumberOf(T pointer) {
  return reinterpret_cast<Number>(pointer);
}

// What is open, by kind, and all that ever was in this run.
class Numbers {
 public:
  explicit Numbers(FuzzedDataProvider* data) : data_(*data) {
    for (const DWORD which : {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE}) {
      standard_.insert(NumberOf(GetStdHandle(which)));
    }
    seen_.assign(standard_.begin(), standard_.end());
  }

  void Run() {
    while (data_.remaining_bytes() > 0) {
      data_.ConsumeBool() ? Make() : Use();
    }
  }

  void End() {
    for (const Number view : views_) EXPECT_KEEPS_LAST_ERROR(UnmapViewOfFile(As<LPVOID>(view)));
    for (const Number handle : mappings_) EXPECT_KEEPS_LAST_ERROR(CloseHandle(As<HANDLE>(handle)));
    for (const Number handle : processes_) EXPECT_KEEPS_LAST_ERROR(CloseHandle(As<HANDLE>(handle)));
    for (const Number each : modules_) {
      EXPECT_KEEPS_LAST_ERROR(FreeLibrary(As<HMODULE>(each)));
      Kept().insert(each);
    }
    for (const Number each : descriptors_) EXPECT(!LocalFree(As<HLOCAL>(each)));
  }

 private:
  // One that is or was open, or one beside it, or any.
  Number ConsumeNumber() {
    const uint64_t any = fuzz::ConsumeNumber(&data_);
    if (seen_.empty() || data_.ConsumeIntegralInRange(0, 7) == 0) return any;
    const Number seen = seen_[data_.ConsumeIntegralInRange<size_t>(0, seen_.size() - 1)];
    return data_.ConsumeIntegralInRange(0, 3) == 0 ? seen + any : seen;
  }

  template <typename T>
  void Add(std::multiset<Number>* kind, T made) {
    EXPECT(made);
    kind->insert(NumberOf(made));
    seen_.push_back(NumberOf(made));
  }

  // The view that holds the address: 0 if there is none.
  Number ViewAt(Number address) const {
    for (const Number view : views_) {
      if (address >= view && address - view < PageSize()) return view;
    }
    return 0;
  }

  // The handle that the number counts as: the two low bits are ignored.
  static Number HandleOf(Number number) { return number & ~Number{3}; }

  void Make() {
    switch (data_.ConsumeIntegralInRange(0, 7)) {
      case 0:
      case 1:
        Add(&mappings_, CreateAnonymous());
        break;
      case 2:
        if (!mappings_.empty()) Add(&views_, Map(As<HANDLE>(*mappings_.begin())));
        break;
      case 3:
        Add(&modules_, LoadLibraryW(TEXT(KERNEL32)));
        break;
      case 4: {
        PSECURITY_DESCRIPTOR descriptor = nullptr;
        EXPECT(ConvertStringSecurityDescriptorToSecurityDescriptorW(TEXT("D:"), SDDL_REVISION_1,
                                                                    &descriptor, nullptr));
        Add(&descriptors_, descriptor);
        break;
      }
      case 5: {
        if (!processes_.empty() || data_.ConsumeIntegralInRange(0, 7) != 0) break;  // slow
        STARTUPINFOW startup = {};
        PROCESS_INFORMATION started = {};
        Text line = TEXT("true");
        EXPECT_KEEPS_LAST_ERROR(CreateProcessW(nullptr, line.data(), nullptr, nullptr, FALSE, 0,
                                               nullptr, nullptr, &startup, &started));
        Add(&processes_, started.hProcess);
        Add(&processes_, started.hThread);
        EXPECT_EQ(WaitForSingleObject(started.hProcess, INFINITE), WAIT_OBJECT_0);
        break;
      }
      case 6:
        EXPECT_FAILS(LoadLibraryW((TEXT("/dev/null/") + fuzz::ConsumeText(&data_, 64)).c_str()),
                     ERROR_MOD_NOT_FOUND);
        EXPECT_FAILS(LoadLibraryW(TEXT("")), ERROR_INVALID_PARAMETER);
        EXPECT_FAILS(LoadLibraryW(nullptr), ERROR_INVALID_PARAMETER);
        break;
      default: {
        const auto which = static_cast<DWORD>(fuzz::ConsumeNumber(&data_));
        const Number handle = NumberOf(GetStdHandle(which));
        const bool known = which + 12 <= 2;
        EXPECT_EQ(standard_.count(handle) != 0, known);
        EXPECT_EQ(handle == NumberOf(INVALID_HANDLE_VALUE), !known);
      }
    }
  }

  void Use() {
    const Number number = ConsumeNumber();
    const auto argument = static_cast<DWORD>(fuzz::ConsumeNumber(&data_));
    const bool is_standard = standard_.count(number) != 0;
    const bool is_input = number == NumberOf(GetStdHandle(STD_INPUT_HANDLE));
    switch (data_.ConsumeIntegralInRange(0, 14)) {
      case 0:
        Close(number);
        break;
      case 1:
        Wait(number);
        break;
      case 2:
        if (mappings_.count(HandleOf(number)) == 0) {
          EXPECT_FAILS(Map(As<HANDLE>(number), argument), ERROR_INVALID_HANDLE);
        } else {
          Add(&views_, Map(As<HANDLE>(number), FILE_MAP_READ));
        }
        break;
      case 3:
        if (const Number view = ViewAt(number)) {
          EXPECT_KEEPS_LAST_ERROR(UnmapViewOfFile(As<LPVOID>(number)));
          views_.erase(view);
        } else {
          EXPECT_FAILS(UnmapViewOfFile(As<LPVOID>(number)), ERROR_INVALID_ADDRESS);
        }
        break;
      case 4: {
        MEMORY_BASIC_INFORMATION information = {};
        SetLastError(kUntouched);
        const SIZE_T size = VirtualQuery(As<LPVOID>(number), &information, sizeof information);
        EXPECT_EQ(NumberOf(information.AllocationBase), ViewAt(number));
        EXPECT_EQ(GetLastError(), size == 0 ? ERROR_INVALID_PARAMETER : kUntouched);
        break;
      }
      case 5:
        if (modules_.count(number) != 0) {
          EXPECT_KEEPS_LAST_ERROR(FreeLibrary(As<HMODULE>(number)));
          modules_.erase(modules_.find(number));
          // The program is linked against it, so it stays, however often it is freed.
          Kept().insert(number);
        } else if (Kept().count(number) != 0) {
          EXPECT_KEEPS_LAST_ERROR(FreeLibrary(As<HMODULE>(number)));
        } else {
          EXPECT_FAILS(FreeLibrary(As<HMODULE>(number)),
                       number == 0 ? ERROR_INVALID_HANDLE : ERROR_MOD_NOT_FOUND);
        }
        break;
      case 6:
        GetExport(number);
        break;
      case 7:
        SetLastError(kUntouched);
        if (number == 0 || descriptors_.count(number) != 0) {
          EXPECT(!LocalFree(As<HLOCAL>(number)));
          EXPECT_EQ(GetLastError(), kUntouched);
          descriptors_.erase(number);
        } else {
          EXPECT_EQ(NumberOf(LocalFree(As<HLOCAL>(number))), number);
          EXPECT_EQ(GetLastError(), ERROR_INVALID_HANDLE);
        }
        break;
      case 8: {
        const auto call = [&] {
          return SetHandleInformation(As<HANDLE>(number), argument, HANDLE_FLAG_INHERIT);
        };
        const bool is_object =
            mappings_.count(HandleOf(number)) != 0 || processes_.count(HandleOf(number)) != 0;
        if (!is_standard && !is_object) {
          EXPECT_FAILS(call(), ERROR_INVALID_HANDLE);
        } else if (argument > HANDLE_FLAG_INHERIT) {
          EXPECT_FAILS(call(), ERROR_INVALID_PARAMETER);
        } else if (!is_standard && argument != 0) {
          EXPECT_FAILS(call(), ERROR_NOT_SUPPORTED);  // no other handle is inherited
        } else {
          EXPECT_KEEPS_LAST_ERROR(call());
        }
        break;
      }
      case 9: {
        DWORD mode;
        EXPECT_FAILS(GetConsoleMode(As<HANDLE>(number), argument % 2 == 0 ? &mode : nullptr),
                     ERROR_INVALID_HANDLE);  // stdin is no terminal
        EXPECT_FAILS(SetConsoleMode(As<HANDLE>(number), argument), ERROR_INVALID_HANDLE);
        break;
      }
      case 10: {
        char buffer[16];
        DWORD count = 1;
        const auto call = [&] {
          return ReadFile(As<HANDLE>(number), argument % 5 == 0 ? nullptr : buffer, argument % 17,
                          argument % 3 == 0 ? nullptr : &count, nullptr);
        };
        if (!is_input) {
          EXPECT_FAILS(call(), ERROR_INVALID_HANDLE);
        } else if (argument % 5 == 0 || argument % 3 == 0) {
          EXPECT_FAILS(call(), ERROR_INVALID_PARAMETER);
        } else {
          EXPECT_KEEPS_LAST_ERROR(call());
          EXPECT_EQ(count, 0);
        }
        break;
      }
      case 11:
        if (number != 0 && number != NumberOf(INVALID_HANDLE_VALUE)) {
          EXPECT_FAILS(
              CreateFileMappingW(As<HANDLE>(number), nullptr, PAGE_READWRITE, argument, 1, nullptr),
              ERROR_INVALID_HANDLE);
        }
        break;
      case 12:
        EXPECT_EQ(SetConsoleOutputCP(argument) != 0, argument == CP_UTF8);
        break;
      case 13:
        if (argument != MB_OK) {
          EXPECT_FAILS(MessageBoxW(As<HWND>(number), TEXT("text"), nullptr, argument),
                       ERROR_INVALID_PARAMETER);
        }
        break;
      default:
        SetLastError(argument);
        EXPECT_EQ(GetLastError(), argument);
    }
  }

  void Close(Number number) {
    const auto value = static_cast<intptr_t>(number);
    if (mappings_.erase(HandleOf(number)) != 0 || processes_.erase(HandleOf(number)) != 0 ||
        (value >= -6 && value <= -1)) {
      EXPECT_KEEPS_LAST_ERROR(CloseHandle(As<HANDLE>(number)));
    } else {
      EXPECT_FAILS(CloseHandle(As<HANDLE>(number)), ERROR_INVALID_HANDLE);
    }
  }

  void Wait(Number number) {
    const auto milliseconds = data_.ConsumeIntegral<DWORD>();
    SetLastError(kUntouched);
    const DWORD result = WaitForSingleObject(As<HANDLE>(number), milliseconds);
    if (processes_.count(HandleOf(number)) != 0) {
      EXPECT_EQ(result, WAIT_OBJECT_0);
      EXPECT_EQ(GetLastError(), kUntouched);
    } else {
      EXPECT_EQ(result, WAIT_FAILED);
      EXPECT_EQ(GetLastError(), mappings_.count(HandleOf(number)) != 0 ? ERROR_ACCESS_DENIED
                                                                       : ERROR_INVALID_HANDLE);
    }
  }

  void GetExport(Number number) {
    const auto module = As<HMODULE>(number);
    const auto ordinal = As<LPCSTR>(data_.ConsumeIntegral<uint16_t>());
    EXPECT_FAILS(GetProcAddress(module, ordinal), ERROR_PROC_NOT_FOUND);
    // No C name has a space in it.
    const std::string none = " " + data_.ConsumeRandomLengthString(64);
    // Null is the program, which finds what it is linked against.
    if (number != 0 && modules_.count(number) == 0 && Kept().count(number) == 0) {
      EXPECT_FAILS(GetProcAddress(module, "lstrlenW"), ERROR_MOD_NOT_FOUND);
    } else {
      EXPECT_FAILS(GetProcAddress(module, none.c_str()), ERROR_PROC_NOT_FOUND);
      EXPECT(GetProcAddress(module, "lstrlenW") == reinterpret_cast<FARPROC>(&lstrlenW));
    }
  }

  // The libraries that FreeLibrary has had back, in all runs of this process.
  static std::set<Number>& Kept() {
    static std::set<Number> kept;
    return kept;
  }

  FuzzedDataProvider& data_;
  std::multiset<Number> standard_, mappings_, processes_, views_, modules_, descriptors_;
  std::vector<Number> seen_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const fuzz::Run run;
  FuzzedDataProvider data(bytes, size);
  Numbers numbers(&data);
  numbers.Run();
  numbers.End();
  return 0;
}
