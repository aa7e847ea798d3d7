// Publishes two sensors' readings as HWiNFO does, while it owns the mutex.
//
// Commands: next; or its two halves, begin and finish, to stand in the middle of an update; and
// dead, which withdraws what was published.

#include "hwinfo.h"

#include <stddef.h>
#include <string.h>

#include "publisher.h"

namespace {

constexpr DWORD kActive = 0x53695748;  // "HWiS"
constexpr DWORD kDead = 0x44414544;    // "DEAD"
constexpr int64_t kFirstPoll = 1700000000;
constexpr DWORD kSensors = 2;
constexpr DWORD kReadings = 3;

// Elements are longer than what the header describes, as newer versions' are.
#pragma pack(push, 1)
struct LongSensor {
  SensorElement element;
  char more[128];
};

struct LongReading {
  ReadingElement element;
  char more[144];
};

struct Sensors {
  SensorsHeader header;
  LongSensor sensors[kSensors];
  LongReading readings[kReadings];
};
#pragma pack(pop)

template <size_t n>
void CopyText(char (&field)[n], const char* text) {
  strncpy(field, text, n - 1);
}

void SetSensor(SensorElement& sensor, DWORD id, const char* name, const char* user_name) {
  sensor.dwSensorID = id;
  CopyText(sensor.szSensorNameOrig, name);
  CopyText(sensor.szSensorNameUser, user_name);
}

void SetReading(ReadingElement& reading, int32_t type, DWORD sensor, const char* label,
                const char* unit, double value) {
  reading.tReading = type;
  reading.dwSensorIndex = sensor;
  CopyText(reading.szLabelOrig, label);
  CopyText(reading.szLabelUser, label);
  CopyText(reading.szUnit, unit);
  reading.Value = value;
  reading.ValueMin = value - 1;
  reading.ValueMax = value + 1;
  reading.ValueAvg = value;
}

void Begin(Sensors& shared, DWORD n) {
  SetSensor(shared.sensors[0].element, 0xF0000100, "Example CPU", "My CPU");
  SetSensor(shared.sensors[1].element, 0xF0000200, "Example Board", "Example Board");
  // In Windows-1252.
  SetReading(shared.readings[0].element, 1, 0, "CPU Package",
             "\xB0"
             "C",
             40.0 + n);
  SetReading(shared.readings[1].element, 5, 0, "CPU Power", "W", 20.0 + n);
}

void Finish(Sensors& shared, DWORD n) {
  SetReading(shared.readings[2].element, 3, 1, "Fan", "RPM", 900.0 + n);
  SensorsHeader& header = shared.header;
  header.dwSignature = kActive;
  header.dwVersion = 2;
  header.dwRevision = 1;
  header.poll_time = kFirstPoll + n;
  header.dwOffsetOfSensorSection = offsetof(Sensors, sensors);
  header.dwSizeOfSensorElement = sizeof(LongSensor);
  header.dwNumSensorElements = kSensors;
  header.dwOffsetOfReadingSection = offsetof(Sensors, readings);
  header.dwSizeOfReadingElement = sizeof(LongReading);
  header.dwNumReadingElements = kReadings;
}

}  // namespace

extern "C" int wmain(int argc, WCHAR* argv[]) {
  // A reader that finds the mapping looks for the mutex next.
  const HANDLE mutex = CreateMutexW(/*lpMutexAttributes=*/nullptr, /*bInitialOwner=*/FALSE,
                                    TEXT("Global\\HWiNFO_SM2_MUTEX"));
  if (!mutex) {
    fprintf(stderr, "Could not create mutex (%lu).\n", static_cast<unsigned long>(GetLastError()));
    return 1;
  }
  DWORD n = 0;
  const int result =
      Publish<Sensors>(TEXT("Global\\HWiNFO_SENS_SM2"), argc, argv,
                       [&n, mutex](Sensors& shared, const std::string& command) -> std::string {
                         if (command == "dead") {
                           shared.header.dwSignature = kDead;
                           return std::to_string(n);
                         }
                         const bool both = command == "next";
                         if (!both && command != "begin" && command != "finish")
                           return "unknown command";
                         if (both || command == "begin") {
                           WaitForSingleObject(mutex, INFINITE);
                           Begin(shared, ++n);
                         }
                         if (both || command == "finish") {
                           Finish(shared, n);
                           ReleaseMutex(mutex);
                         }
                         return std::to_string(n);
                       });
  CloseHandle(mutex);
  return result;
}
