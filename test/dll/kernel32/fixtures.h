// What the tests hold and how they name it.
#ifndef DLLMEMFILEMAP_TEST_NATIVE_FIXTURES_H
#define DLLMEMFILEMAP_TEST_NATIVE_FIXTURES_H

#include <stdint.h>
#include <windows.h>

#include <string>
#include <utility>

namespace test {

using Text = std::basic_string<WCHAR>;

// Of a mapping whose size does not matter: no more than a page anywhere.
constexpr uint64_t kSize = 4096;

// What offsets have to be a multiple of.
constexpr SIZE_T kGranularity = 64 * 1024;

// Numbers that are no handles. Windows ignores a handle's lowest two bits, and takes -1 to -6 for
// pseudo handles.
inline const HANDLE kNoHandles[] = {nullptr, reinterpret_cast<HANDLE>(ULONG_PTR{0x123454}),
                                    reinterpret_cast<HANDLE>(ULONG_PTR{0x7FFFFFF0}),
                                    reinterpret_cast<HANDLE>(ULONG_PTR{0x8000000000000000u})};

// Closes its handle.
class Handle {
 public:
  explicit Handle(HANDLE handle) : handle_(handle) {}
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Handle() {
    if (handle_) CloseHandle(handle_);
  }

  HANDLE get() const { return handle_; }
  explicit operator bool() const { return handle_ != nullptr; }

  // The current instance becomes null, whatever CloseHandle says.
  BOOL Close() { return CloseHandle(std::exchange(handle_, nullptr)); }

 private:
  HANDLE handle_;
};

// Unmaps its view.
class View {
 public:
  explicit View(LPVOID address) : address_(address) {}
  View(View&& other) noexcept : address_(std::exchange(other.address_, nullptr)) {}
  View& operator=(View&& other) noexcept {
    std::swap(address_, other.address_);
    return *this;
  }
  ~View() {
    if (address_) UnmapViewOfFile(address_);
  }

  LPVOID get() const { return address_; }
  explicit operator bool() const { return address_ != nullptr; }
  volatile BYTE& operator[](SIZE_T i) const { return static_cast<volatile BYTE*>(address_)[i]; }

  // The current instance becomes null.
  LPVOID Release() { return std::exchange(address_, nullptr); }

 private:
  LPVOID address_;
};

// The calls under test, with what most tests do not care about left out. They do nothing but call,
// so the last error is that of the call.

inline HANDLE Create(const Text& name, uint64_t size = kSize, DWORD protection = PAGE_READWRITE) {
  return CreateFileMappingW(INVALID_HANDLE_VALUE, /*lpFileMappingAttributes=*/nullptr, protection,
                            static_cast<DWORD>(size >> 32), static_cast<DWORD>(size), name.c_str());
}

inline HANDLE CreateAnonymous(uint64_t size = kSize, DWORD protection = PAGE_READWRITE) {
  return CreateFileMappingW(INVALID_HANDLE_VALUE, /*lpFileMappingAttributes=*/nullptr, protection,
                            static_cast<DWORD>(size >> 32), static_cast<DWORD>(size),
                            /*lpName=*/nullptr);
}

inline HANDLE Open(const Text& name, DWORD access = FILE_MAP_ALL_ACCESS) {
  return OpenFileMappingW(access, /*bInheritHandle=*/FALSE, name.c_str());
}

inline LPVOID Map(HANDLE mapping, DWORD access = FILE_MAP_WRITE, uint64_t offset = 0,
                  SIZE_T length = 0) {
  return MapViewOfFile(mapping, access, static_cast<DWORD>(offset >> 32),
                       static_cast<DWORD>(offset), length);
}

inline HANDLE CreateTheEvent(const Text& name, bool manual_reset, bool is_set = false) {
  return CreateEventW(/*lpEventAttributes=*/nullptr, manual_reset, is_set, name.c_str());
}

inline HANDLE CreateTheMutex(const Text& name, bool is_owned = false) {
  return CreateMutexW(/*lpMutexAttributes=*/nullptr, is_owned, name.c_str());
}

inline HANDLE CreateTheSemaphore(const Text& name, LONG count, LONG maximum) {
  return CreateSemaphoreW(/*lpSemaphoreAttributes=*/nullptr, count, maximum, name.c_str());
}

// What a wait for a moment gives.
inline DWORD Try(HANDLE handle) { return WaitForSingleObject(handle, /*dwMilliseconds=*/0); }

// 4 KiB on Windows, and on macOS 16 KiB.
inline SIZE_T PageSize() {
  static const SIZE_T size = [] {
    const Handle mapping(CreateAnonymous(/*size=*/1));
    const View view(Map(mapping.get()));
    MEMORY_BASIC_INFORMATION information = {};
    VirtualQuery(view.get(), &information, sizeof information);
    return information.RegionSize;
  }();
  return size;
}

inline Text ToText(uint64_t number) {
  Text digits;
  for (const char digit : std::to_string(number)) digits += static_cast<WCHAR>(digit);
  return digits;
}

// A name that no other test and no other process uses. Only for the thread that runs the test.
inline Text UniqueName(const Text& suffix = Text()) {
  static unsigned count = 0;
  return TEXT("kernel32-test-") + ToText(GetCurrentProcessId()) + TEXT("-") + ToText(++count) +
         TEXT("-") + suffix;
}

}  // namespace test

#endif
