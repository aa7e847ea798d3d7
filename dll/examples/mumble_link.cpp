// Publishes a player's position as a game does that is linked with Mumble.
//
// Commands: next.

#include "mumble_link.h"

#include <string.h>

#include <atomic>

#include "publisher.h"

namespace {

const WCHAR kName[] = TEXT("Example Game");
// Beyond ASCII, and beyond what one UTF-16 unit holds.
const WCHAR kIdentity[] = TEXT("Zo\u00eb \U0001f3a7");
const WCHAR kDescription[] = TEXT("A player who walks along a line.");
const char kContext[] = "example/map-1";

// What stays the same while the game is linked.
void Link(LinkedMem& link) {
  memcpy(link.name, kName, sizeof kName);
  memcpy(link.identity, kIdentity, sizeof kIdentity);
  memcpy(link.description, kDescription, sizeof kDescription);
  link.context_len = sizeof kContext - 1;
  memcpy(link.context, kContext, sizeof kContext - 1);
  link.uiVersion = 2;
}

// Metres, in a left-handed system: x to the right, y up, z to the front.
void Move(LinkedMem& link, DWORD tick) {
  const float n = static_cast<float>(tick);
  const float position[] = {n * 0.5f, 2.0f, n * -0.25f};
  const float camera[] = {n * 0.5f, 3.75f, n * -0.25f};
  const float front[] = {0.0f, 0.0f, 1.0f};
  const float top[] = {0.0f, 1.0f, 0.0f};
  memcpy(link.fAvatarPosition, position, sizeof position);
  memcpy(link.fAvatarFront, front, sizeof front);
  memcpy(link.fAvatarTop, top, sizeof top);
  memcpy(link.fCameraPosition, camera, sizeof camera);
  memcpy(link.fCameraFront, front, sizeof front);
  memcpy(link.fCameraTop, top, sizeof top);
  // A reader that sees the new tick sees what belongs to it.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  link.uiTick = tick;
}

std::string Execute(LinkedMem& link, const std::string& command) {
  if (command != "next") return "unknown command";
  if (link.uiVersion == 0) Link(link);
  Move(link, link.uiTick + 1);
  return std::to_string(link.uiTick);
}

}  // namespace

extern "C" int wmain(int argc, WCHAR* argv[]) {
  return Publish<LinkedMem>(TEXT("MumbleLink"), argc, argv, Execute);
}
