// Another process, which is this program again.
#ifndef DLLMEMFILEMAP_TEST_NATIVE_CHILD_H
#define DLLMEMFILEMAP_TEST_NATIVE_CHILD_H

#include <windows.h>

#include <vector>

#include "fixtures.h"

namespace test {

// How long to wait for what is bound to happen.
constexpr DWORD kPatience = 30'000;

class Child {
 public:
  // Starts it. `arguments` end its command line as they are. If an object is named, it creates or
  // opens that and never closes it. It runs until it is told to end. If the arguments begin with
  // "owns", "sets" or "posts" and a name, it first waits for that mutex, which it never releases,
  // or sets that event, or releases that semaphore once.
  explicit Child(const Text& arguments, const Text& object = Text());
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Waits until it runs and has the object open.
  bool IsReady() const;

  // Tells it to end, and waits until it has.
  bool End();

  // Closes its handle. It still ends with this object, but nobody can wait for that.
  void Detach() { process_ = Handle(nullptr); }

  HANDLE process() const { return process_.get(); }

  // What it got of the arguments.
  std::vector<Text> Arguments() const;

 private:
  struct Exchange* exchange() const {
    return static_cast<struct Exchange*>(view_.get());
  }

  Handle mapping_;
  View view_;
  Handle process_;
};

}  // namespace test

#endif
