#include "shared_waitable.h"

#include <fcntl.h>

#include "names.h"
#include "security.h"

namespace kernel32 {
namespace {

DWORD WithoutGenericRights(DWORD access, const Rights& rights) {
  DWORD result = access & rights.all;
  if ((access & GENERIC_READ) != 0) result |= READ_CONTROL | rights.read;
  if ((access & GENERIC_WRITE) != 0) result |= READ_CONTROL | rights.write;
  if ((access & GENERIC_EXECUTE) != 0) result |= READ_CONTROL | SYNCHRONIZE;
  if ((access & GENERIC_ALL) != 0) result |= rights.all;
  return result;
}

}  // namespace

std::optional<OpenedState> CreateState(ObjectKind kind, const Rights& rights,
                                       const SECURITY_ATTRIBUTES* attributes, LPCWSTR name,
                                       uint32_t parameter, const FirstState& set_first_state,
                                       bool* created) {
  FileProperties properties = {kind, /*mode=*/0, sizeof(StateMemory), parameter};
  if (!ModeFromAttributes(attributes, &properties.mode)) return std::nullopt;
  OpenedState opened;
  opened.access = rights.all;
  opened.parameter = parameter;
  if (!name || !*name) {
    *created = true;
    opened.state = SharedState::Anonymous();
    if (!opened.state) return std::nullopt;
    if (const DWORD error = set_first_state(opened.state.get(), /*file=*/nullptr)) {
      return Fail<std::optional<OpenedState>>(error, std::nullopt);
    }
    return opened;
  }
  const std::optional<ObjectName> parsed = ParseName(name);
  if (!parsed) return std::nullopt;
  const auto initialize = [&](const NamedFile& file) {
    opened.state = SharedState::Of(file);
    if (!opened.state) return false;
    const DWORD error = set_first_state(opened.state.get(), &file);
    return error == ERROR_SUCCESS || Fail<bool>(error);
  };
  opened.file = NamedFile::Create(*parsed, properties, /*writable=*/true, initialize, created);
  if (!opened.file) return std::nullopt;
  opened.parameter = opened.file->properties().parameter;
  if (!*created) opened.state = SharedState::Of(*opened.file);
  if (!opened.state) return std::nullopt;
  return opened;
}

std::optional<OpenedState> OpenState(ObjectKind kind, const Rights& rights, DWORD access,
                                     LPCWSTR name) {
  using Failed = std::optional<OpenedState>;
  if (!name) return Fail<Failed>(ERROR_INVALID_PARAMETER, std::nullopt);
  if (!*name) return Fail<Failed>(ERROR_INVALID_HANDLE, std::nullopt);
  const std::optional<ObjectName> parsed = ParseName(name);
  if (!parsed) return std::nullopt;
  OpenedState opened;
  opened.access = WithoutGenericRights(access, rights);
  // Whoever may only read the file may look at nothing but the object's existence.
  const bool needs_memory = (opened.access & (SYNCHRONIZE | rights.write)) != 0;
  opened.file = NamedFile::Open(*parsed, kind, needs_memory);
  if (!opened.file) return std::nullopt;
  const bool is_writable = (fcntl(opened.file->fd(), F_GETFL) & O_ACCMODE) == O_RDWR;
  if ((access & MAXIMUM_ALLOWED) != 0) {
    opened.access |= is_writable ? rights.all : READ_CONTROL | rights.read;
  }
  if (opened.access == 0) return Fail<Failed>(ERROR_ACCESS_DENIED, std::nullopt);
  opened.parameter = opened.file->properties().parameter;
  if (is_writable) opened.state = SharedState::Of(*opened.file);
  if (is_writable && !opened.state) return std::nullopt;
  return opened;
}

}  // namespace kernel32
