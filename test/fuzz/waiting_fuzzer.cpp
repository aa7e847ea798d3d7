// Sequences of calls on events, mutexes and semaphores by one thread, against a model of what they
// promise.

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <vector>

#include "fuzz.h"

using namespace test;

namespace {

enum class Kind { kManualEvent, kAutoEvent, kSemaphore, kMutex };

struct Object {
  Kind kind;
  int name;
  int64_t count;  // an event that is set has 1; of a mutex: how often this thread owns it
  int64_t maximum;
};

// The names of a run; the first is none.
constexpr LPCWSTR kNames[] = {nullptr, u"fuzz-1", u"fuzz-2", u"Global\\fuzz-1"};

constexpr DWORD kAccesses[] = {SYNCHRONIZE,         EVENT_MODIFY_STATE, EVENT_ALL_ACCESS,
                               GENERIC_EXECUTE,     GENERIC_WRITE,      GENERIC_READ,
                               SEMAPHORE_ALL_ACCESS};

class Model {
 public:
  explicit Model(FuzzedDataProvider* data) : data_(*data) {}

  void Run() {
    while (data_.remaining_bytes() > 0) {
      switch (data_.ConsumeIntegralInRange(0, 6)) {
        case 0:
          Create();
          break;
        case 1:
          Open();
          break;
        case 2:
          Close();
          break;
        case 3:
          WaitForOne();
          break;
        case 4:
          WaitForSeveral();
          break;
        default:
          Change();
      }
    }
    while (!handles_.empty()) CloseAt(0);
  }

 private:
  struct Opened {
    HANDLE handle;
    std::shared_ptr<Object> object;
    DWORD access;  // SYNCHRONIZE, and EVENT_MODIFY_STATE for that of any kind
  };

  std::shared_ptr<Object> Named(int name) const {
    for (const Opened& each : handles_) {
      if (name != 0 && each.object->name == name) return each.object;
    }
    return nullptr;
  }

  static bool IsEvent(Kind kind) { return kind == Kind::kManualEvent || kind == Kind::kAutoEvent; }
  static bool AreOneKind(Kind a, Kind b) { return a == b || (IsEvent(a) && IsEvent(b)); }

  void Create() {
    const auto kind = static_cast<Kind>(data_.ConsumeIntegralInRange(0, 3));
    const int name = data_.ConsumeIntegralInRange<int>(0, std::size(kNames) - 1);
    const auto count = data_.ConsumeIntegralInRange<LONG>(-1, 3);
    const auto maximum = data_.ConsumeIntegralInRange<LONG>(0, 3);
    const std::shared_ptr<Object> there = Named(name);
    SetLastError(kUntouched);
    const bool flag = count > 0;
    const HANDLE handle =
        kind == Kind::kSemaphore ? CreateSemaphoreW(nullptr, count, maximum, kNames[name])
        : kind == Kind::kMutex
            ? CreateMutexW(nullptr, flag, kNames[name])
            : CreateEventW(nullptr, kind == Kind::kManualEvent, flag, kNames[name]);
    const DWORD error = GetLastError();
    if (kind == Kind::kSemaphore && (count < 0 || maximum < 1 || count > maximum)) {
      EXPECT(!handle);
      EXPECT_EQ(error, ERROR_INVALID_PARAMETER);
      return;
    }
    if (there && !AreOneKind(there->kind, kind)) {
      EXPECT(!handle);
      EXPECT_EQ(error, ERROR_INVALID_HANDLE);
      return;
    }
    EXPECT(handle);
    EXPECT_EQ(error, there ? ERROR_ALREADY_EXISTS : ERROR_SUCCESS);
    std::shared_ptr<Object> object = there;
    if (!object) {
      object = std::make_shared<Object>();
      *object = {kind, name,
                 kind == Kind::kSemaphore ? count
                 : flag                   ? 1
                                          : 0,
                 kind == Kind::kSemaphore ? maximum : 1};
    }
    handles_.push_back({handle, object, SYNCHRONIZE | EVENT_MODIFY_STATE});
  }

  void Open() {
    const auto kind = static_cast<Kind>(data_.ConsumeIntegralInRange(0, 3));
    const int name = data_.ConsumeIntegralInRange<int>(1, std::size(kNames) - 1);
    const DWORD access =
        kAccesses[data_.ConsumeIntegralInRange<size_t>(0, std::size(kAccesses) - 1)];
    const std::shared_ptr<Object> there = Named(name);
    const auto open = [&] {
      return kind == Kind::kSemaphore ? OpenSemaphoreW(access, FALSE, kNames[name])
             : kind == Kind::kMutex   ? OpenMutexW(access, FALSE, kNames[name])
                                      : OpenEventW(access, FALSE, kNames[name]);
    };
    if (!there) {
      EXPECT_FAILS(open(), ERROR_FILE_NOT_FOUND);
      return;
    }
    if (!AreOneKind(there->kind, kind)) {
      EXPECT_FAILS(open(), ERROR_INVALID_HANDLE);
      return;
    }
    // A mutex has no right of that number, so it would open for nothing.
    if (kind == Kind::kMutex && access == EVENT_MODIFY_STATE) {
      EXPECT_FAILS(open(), ERROR_ACCESS_DENIED);
      return;
    }
    HANDLE handle = nullptr;
    EXPECT_KEEPS_LAST_ERROR(handle = open());
    DWORD allowed = access & (SYNCHRONIZE | EVENT_MODIFY_STATE);
    if (access == GENERIC_EXECUTE) allowed = SYNCHRONIZE;
    if (access == GENERIC_WRITE) allowed = EVENT_MODIFY_STATE;
    handles_.push_back({handle, there, allowed});
  }

  size_t Choose() { return data_.ConsumeIntegralInRange<size_t>(0, handles_.size() - 1); }

  void Close() {
    if (!handles_.empty()) CloseAt(Choose());
  }

  void CloseAt(size_t index) {
    const Opened closed = handles_[index];
    // What the thread owns without a handle would stay until it ends.
    if (closed.object.use_count() == 2 && closed.object->kind == Kind::kMutex) {
      for (; closed.object->count > 0; --closed.object->count) {
        EXPECT_KEEPS_LAST_ERROR(ReleaseMutex(closed.handle));
      }
    }
    EXPECT_KEEPS_LAST_ERROR(CloseHandle(closed.handle));
    handles_.erase(handles_.begin() + static_cast<ptrdiff_t>(index));
  }

  static bool IsSignalled(const Object& object) {
    return object.kind == Kind::kMutex || object.count > 0;
  }

  static void Take(Object* object) {
    if (object->kind == Kind::kMutex) ++object->count;
    if (object->kind == Kind::kAutoEvent || object->kind == Kind::kSemaphore) --object->count;
  }

  void WaitForOne() {
    if (handles_.empty()) return;
    const Opened& opened = handles_[Choose()];
    const bool is_signalled = IsSignalled(*opened.object);
    const DWORD milliseconds = is_signalled ? INFINITE : data_.ConsumeIntegralInRange<DWORD>(0, 1);
    SetLastError(kUntouched);
    const DWORD result = WaitForSingleObject(opened.handle, milliseconds);
    const DWORD error = GetLastError();
    if ((opened.access & SYNCHRONIZE) == 0) {
      EXPECT_EQ(result, WAIT_FAILED);
      EXPECT_EQ(error, ERROR_ACCESS_DENIED);
      return;
    }
    EXPECT_EQ(error, kUntouched);
    EXPECT_EQ(result, is_signalled ? WAIT_OBJECT_0 : WAIT_TIMEOUT);
    if (is_signalled) Take(opened.object.get());
  }

  void WaitForSeveral() {
    if (handles_.empty()) return;
    std::vector<HANDLE> handles;
    std::vector<Object*> objects;
    bool is_allowed = true;
    for (size_t count = data_.ConsumeIntegralInRange<size_t>(1, 8); count > 0; --count) {
      const Opened& opened = handles_[Choose()];
      handles.push_back(opened.handle);
      objects.push_back(opened.object.get());
      is_allowed &= (opened.access & SYNCHRONIZE) != 0;
    }
    const auto signalled = std::find_if(objects.begin(), objects.end(),
                                        [](Object* each) { return IsSignalled(*each); });
    SetLastError(kUntouched);
    const DWORD result = WaitForMultipleObjects(static_cast<DWORD>(handles.size()), handles.data(),
                                                FALSE, data_.ConsumeIntegralInRange<DWORD>(0, 1));
    if (!is_allowed) {
      EXPECT_EQ(GetLastError(), ERROR_ACCESS_DENIED);
      EXPECT_EQ(result, WAIT_FAILED);
    } else if (signalled == objects.end()) {
      EXPECT_EQ(result, WAIT_TIMEOUT);
    } else {
      EXPECT_EQ(result, WAIT_OBJECT_0 + static_cast<DWORD>(signalled - objects.begin()));
      Take(*signalled);
    }
  }

  void Change() {
    if (handles_.empty()) return;
    const Opened& opened = handles_[Choose()];
    Object& object = *opened.object;
    const bool is_allowed = (opened.access & EVENT_MODIFY_STATE) != 0;
    if (object.kind == Kind::kMutex) {
      if (object.count == 0) {
        EXPECT_FAILS(ReleaseMutex(opened.handle), ERROR_NOT_OWNER);
      } else {
        EXPECT_KEEPS_LAST_ERROR(ReleaseMutex(opened.handle));
        --object.count;
      }
      EXPECT_FAILS(SetEvent(opened.handle), ERROR_INVALID_HANDLE);
      return;
    }
    EXPECT_FAILS(ReleaseMutex(opened.handle), ERROR_INVALID_HANDLE);
    if (object.kind == Kind::kSemaphore) {
      const auto count = data_.ConsumeIntegralInRange<LONG>(-1, 4);
      LONG previous = -7;
      const auto release = [&] { return ReleaseSemaphore(opened.handle, count, &previous); };
      const bool fits = object.count + count <= object.maximum;
      if (!is_allowed || count <= 0 || !fits) {
        EXPECT_FAILS(release(), !is_allowed  ? ERROR_ACCESS_DENIED
                                : count <= 0 ? ERROR_INVALID_PARAMETER
                                             : ERROR_TOO_MANY_POSTS);
        EXPECT_EQ(previous, -7);
        return;
      }
      EXPECT_KEEPS_LAST_ERROR(release());
      EXPECT_EQ(previous, object.count);
      object.count += count;
      return;
    }
    const bool sets = data_.ConsumeBool();
    const auto change = [&] { return sets ? SetEvent(opened.handle) : ResetEvent(opened.handle); };
    if (!is_allowed) {
      EXPECT_FAILS(change(), ERROR_ACCESS_DENIED);
      return;
    }
    EXPECT_KEEPS_LAST_ERROR(change());
    object.count = sets ? 1 : 0;
  }

  FuzzedDataProvider& data_;
  std::vector<Opened> handles_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const fuzz::Run run;
  FuzzedDataProvider data(bytes, size);
  Model(&data).Run();
  return 0;
}
