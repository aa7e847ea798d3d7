// Creating and opening what processes wait for together: what events, mutexes and semaphores have
// in common.
#ifndef DLLMEMFILEMAP_POSIX_SHARED_WAITABLE_H
#define DLLMEMFILEMAP_POSIX_SHARED_WAITABLE_H

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "errors.h"
#include "named_file.h"
#include "shared_state.h"
#include "waiting.h"

namespace kernel32 {

// What one handle leads to.
struct OpenedState {
  std::unique_ptr<NamedFile> file;  // null for an object without a name
  SharedState::Reference state;     // null if the handle allows neither waiting nor changing
  DWORD access = 0;                 // without generic rights
  uint32_t parameter = 0;           // as in FileProperties
};

class SharedWaitable : public Waitable {
 public:
  explicit SharedWaitable(OpenedState opened) : opened_(std::move(opened)) {}

  int descriptor() const override { return opened_.file ? opened_.file->fd() : -1; }
  bool MayBeWaitedFor() const override { return Allows(SYNCHRONIZE); }
  Doorbell& doorbell() override { return memory().doorbell; }

  bool Allows(DWORD access) const { return (access & ~opened_.access) == 0; }

 protected:
  SharedState& state() { return *opened_.state; }
  StateMemory& memory() { return opened_.state->memory(); }
  uint32_t parameter() const { return opened_.parameter; }
  const NamedFile* file() const { return opened_.file.get(); }
  DWORD TakeSlot() { return opened_.state->TakeSlot(opened_.file.get()); }

 private:
  OpenedState opened_;
};

// What generic rights mean for a kind of object. GENERIC_EXECUTE is SYNCHRONIZE for all.
struct Rights {
  DWORD read;
  DWORD write;
  DWORD all;
};

// Gives a new object's memory, which is zeroed, its first state; without a name there is no file.
// Returns ERROR_SUCCESS or an error.
using FirstState = std::function<DWORD(SharedState* state, const NamedFile* file)>;

// What a function that creates has to open; *created tells whether there was no such object before.
// On failure returns nothing and sets the last error.
std::optional<OpenedState> CreateState(ObjectKind kind, const Rights& rights,
                                       const SECURITY_ATTRIBUTES* attributes, LPCWSTR name,
                                       uint32_t parameter, const FirstState& set_first_state,
                                       bool* created);

// Likewise for a function that opens.
std::optional<OpenedState> OpenState(ObjectKind kind, const Rights& rights, DWORD access,
                                     LPCWSTR name);

// Puts the object into the table of handles, and sets the last error if that succeeds.
inline HANDLE OpenHandleSaying(DWORD last_error, std::shared_ptr<KernelObject> object) {
  const HANDLE handle = OpenHandle(std::move(object));
  if (handle) SetLastError(last_error);
  return handle;
}

// The object of a handle that allows that access, or null with the last error set.
template <typename T>
std::shared_ptr<T> FindToChange(HANDLE handle, DWORD access) {
  std::shared_ptr<T> object = FindObjectOf<T>(handle);
  if (object && !object->Allows(access)) return Fail<std::shared_ptr<T>>(ERROR_ACCESS_DENIED);
  return object;
}

}  // namespace kernel32

#endif
