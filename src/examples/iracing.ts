// Reads a car's telemetry from iRacing: rows that a named event announces.
//
//     npm run example -- iracing         together with a publisher of its own, on any system
//     node dist/examples/iracing.js      alone, while iRacing runs, on Windows
//
// It ends after 20 rows, or once there was none for 5000 ms; both can be given as arguments.
import { setTimeout } from 'node:timers/promises';
import { type MappedView, NamedEvent, Win32Error } from '../index.js';
import { TelemetryHeader, VarHeader } from './iracing-layout.js';
import { readNewestRow } from './newest-row.js';
import { INTERVAL, limits, openWhenRunning } from './reader.js';

const CONNECTED = 1;

/** How a variable is read, by its type. */
const READERS: readonly ((row: DataView, offset: number) => number)[] = [
  (row, offset) => row.getInt8(offset),
  (row, offset) => row.getUint8(offset),
  (row, offset) => row.getInt32(offset, true),
  (row, offset) => row.getUint32(offset, true),
  (row, offset) => row.getFloat32(offset, true),
  (row, offset) => row.getFloat64(offset, true),
];

/** Finds the variables of a row by their names. Which there are depends on the car. */
function valuesOf(view: MappedView, row: Uint8Array): (name: string) => number {
  const { numVars, varHeaderOffset } = view.readStruct(TelemetryHeader);
  const headers = Array.from({ length: numVars }, (_, i) =>
    view.readStruct(VarHeader, varHeaderOffset + i * VarHeader.size),
  );
  const data = new DataView(row.buffer, row.byteOffset, row.byteLength);
  return (wanted) => {
    const header = headers.find(({ name }) => name === wanted);
    return header === undefined ? Number.NaN : (READERS[header.type]?.(data, header.offset) ?? Number.NaN);
  };
}

const { updates, patience } = limits();
using mapping = await openWhenRunning('iRacing', 'Local\\IRSDKMemMapFileName', patience);
using view = mapping.mapView();
using event = NamedEvent.open('Local\\IRSDKDataValidEvent');

/** Waits for the next row. Not for long: another reader may have taken the signal. */
async function announcement(): Promise<void> {
  try {
    await event.wait({ timeout: INTERVAL });
  } catch (error) {
    if (!(error instanceof Win32Error && error.code === 'WAIT_TIMEOUT')) throw error;
  }
}

let lastTick: number | undefined;
for (let seen = 0, since = performance.now(); seen < updates; await announcement()) {
  const isConnected = (view.readField(TelemetryHeader, 'status') & CONNECTED) !== 0;
  const newest = isConnected ? readNewestRow(view) : undefined;
  if (newest !== undefined && newest.tickCount !== lastTick) {
    const value = valuesOf(view, newest.row);
    console.log(
      `Tick ${newest.tickCount}: ${(value('Speed') * 3.6).toFixed(1)} km/h, ${value('RPM').toFixed(0)} RPM, ` +
        `gear ${value('Gear')}, lap ${value('Lap')}`,
    );
    lastTick = newest.tickCount;
    seen++;
    since = performance.now();
  } else if (performance.now() - since >= patience) {
    console.log(
      isConnected ? `No row for ${patience} ms: iRacing has stopped or ended.` : 'iRacing runs, but no session does.',
    );
    break;
  } else {
    // Whoever made the event may have it stay signalled.
    await setTimeout(1);
  }
}
