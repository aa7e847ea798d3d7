// Publishes a car's telemetry as iRacing does: rows in turn, each announced by an event.
//
// Commands: next; and leave, which ends the session.

#include "iracing.h"

#include <stddef.h>
#include <string.h>

#include <atomic>

#include "publisher.h"

namespace {

enum VarType : int32_t { kBool = 1, kInt = 2, kFloat = 4, kDouble = 5 };

constexpr int32_t kConnected = 1;
constexpr int32_t kRows = 3;
constexpr int32_t kTicksInALap = 50;

struct Row {
  double SessionTime;
  float Speed;
  float RPM;
  int32_t Gear;
  int32_t Lap;
  bool IsOnTrack;
};

struct Variable {
  VarType type;
  size_t offset;
  const char* name;
  const char* unit;
};

constexpr Variable kVariables[] = {
    {kDouble, offsetof(Row, SessionTime), "SessionTime", "s"},
    {kFloat, offsetof(Row, Speed), "Speed", "m/s"},
    {kFloat, offsetof(Row, RPM), "RPM", "revs/min"},
    {kInt, offsetof(Row, Gear), "Gear", ""},
    {kInt, offsetof(Row, Lap), "Lap", ""},
    {kBool, offsetof(Row, IsOnTrack), "IsOnTrack", ""},
};
constexpr int32_t kNumVars = sizeof kVariables / sizeof kVariables[0];

struct Telemetry {
  TelemetryHeader header;
  VarHeader vars[kNumVars];
  Row rows[kRows];
};

void Describe(Telemetry& telemetry) {
  for (int32_t i = 0; i < kNumVars; ++i) {
    VarHeader& var = telemetry.vars[i];
    var.type = kVariables[i].type;
    var.offset = static_cast<int32_t>(kVariables[i].offset);
    var.count = 1;
    strncpy(var.name, kVariables[i].name, sizeof var.name - 1);
    strncpy(var.unit, kVariables[i].unit, sizeof var.unit - 1);
  }
  TelemetryHeader& header = telemetry.header;
  header.ver = 2;
  header.tickRate = 60;
  header.numVars = kNumVars;
  header.varHeaderOffset = offsetof(Telemetry, vars);
  header.numBuf = kRows;
  header.bufLen = sizeof(Row);
  for (int32_t i = 0; i < kRows; ++i) {
    header.varBuf[i].bufOffset = static_cast<int32_t>(offsetof(Telemetry, rows) + i * sizeof(Row));
  }
  header.status = kConnected;
}

void WriteRow(Telemetry& telemetry, int32_t tick) {
  Row& row = telemetry.rows[tick % kRows];
  row.SessionTime = tick / 60.0;
  row.Speed = 50.0f + static_cast<float>(tick);
  row.RPM = 6000.0f + static_cast<float>(tick);
  row.Gear = 4;
  row.Lap = 1 + tick / kTicksInALap;
  row.IsOnTrack = true;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  telemetry.header.varBuf[tick % kRows].tickCount = tick;
}

}  // namespace

extern "C" int wmain(int argc, WCHAR* argv[]) {
  // A reader that finds the mapping looks for the event next.
  const HANDLE event = CreateEventW(/*lpEventAttributes=*/nullptr, /*bManualReset=*/FALSE,
                                    /*bInitialState=*/FALSE, TEXT("Local\\IRSDKDataValidEvent"));
  if (!event) {
    fprintf(stderr, "Could not create event (%lu).\n", static_cast<unsigned long>(GetLastError()));
    return 1;
  }
  int32_t tick = 0;
  const int result = Publish<Telemetry>(
      TEXT("Local\\IRSDKMemMapFileName"), argc, argv,
      [&tick, event](Telemetry& telemetry, const std::string& command) -> std::string {
        if (command == "next") {
          ++tick;
          WriteRow(telemetry, tick);
          if (tick == 1) Describe(telemetry);
          SetEvent(event);
        } else if (command == "leave") {
          telemetry.header.status = 0;
        } else {
          return "unknown command";
        }
        return std::to_string(tick);
      });
  CloseHandle(event);
  return result;
}
