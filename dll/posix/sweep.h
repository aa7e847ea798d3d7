// Removing what dead processes left in a namespace.
#ifndef DLLMEMFILEMAP_POSIX_SWEEP_H
#define DLLMEMFILEMAP_POSIX_SWEEP_H

#include <string>

#include "names.h"
#include "patience.h"

namespace kernel32 {

// What the name of a file goes on with, after the namespace's prefix, until the file is prepared.
constexpr char kNew[] = "new-";

// Opens what may be an object's file without following, trusting or waiting for what somebody else
// put there. Returns -1 and sets errno if that is not possible.
int OpenFile(const std::string& path, bool writable, Namespace scope);

struct SweepResult {
  bool has_found;     // whether something was dead, or somebody is preparing a file
  bool was_thorough;  // whether another sweep now would find nothing
};

// Removes the dead files of the namespace. Anybody may have filled the directory, so it stops after
// a second.
SweepResult Sweep(Namespace scope);

// What a creator does that found no room: it sweeps, and pauses. What is dead may have taken up the
// room, and creators in a race may each hold for a moment what the other lacks.
class RoomMaker {
 public:
  // Returns whether it is worth trying again.
  bool MakeRoom();

 private:
  int attempts_ = 0;
  Patience patience_;
};

}  // namespace kernel32

#endif
