// Reads a car's telemetry from rFactor 2's Shared Memory Map Plugin: a block with version words.
//
//     npm run example -- rfactor2         together with a publisher of its own, on any system
//     node dist/examples/rfactor2.js      alone, while rFactor 2 runs with the plugin, on Windows
//
// It ends after 20 updates, or once there was none for 5000 ms; both can be given as arguments. The layout, packed to 4:
// Include/rF2State.h and Include/MappedBuffer.h of https://github.com/TheIronWolfModding/rF2SharedMemoryMapPlugin
import { setTimeout } from 'node:timers/promises';
import { INTERVAL, limits, notRunning, openForReading, quote } from './reader.js';
import { readVersionedBlock, readVersions } from './versioned-block.js';

const NAME = '$rFactor2SMMP_Telemetry$';

/** Where the fields are, in bytes: the two version words, `rF2Telemetry`, and the first of its vehicles. */
const OFFSET = {
  mVersionUpdateBegin: 0, // uint32
  mVersionUpdateEnd: 4, // uint32
  mBytesUpdatedHint: 8, // int32: how much the last update wrote, behind the version words; 0 if that is not known
  mNumVehicles: 12, // int32
  mVehicles: 16, // rF2VehicleTelemetry[128], of 1888 bytes each
} as const;

/** Where the first fields of an `rF2VehicleTelemetry` are in it. */
const VEHICLE = {
  mID: 0, // int32
  mDeltaTime: 4, // double, in seconds
  mElapsedTime: 12, // double, in seconds
  mLapNumber: 20, // int32
  mLapStartET: 24, // double, in seconds
  mVehicleName: 32, // char[64]
  mTrackName: 96, // char[64]
  mPos: 160, // double[3], in metres
  mLocalVel: 184, // double[3], in metres a second
} as const;

/** Up to the last field that is read here. */
const SIZE = OFFSET.mVehicles + VEHICLE.mLocalVel + 24;

function describe(block: Uint8Array): string {
  const data = new DataView(block.buffer);
  if (data.getInt32(OFFSET.mNumVehicles, true) < 1) return 'no car';
  const car = new DataView(block.buffer, OFFSET.mVehicles);
  const name = (offset: number) =>
    quote(block.subarray(OFFSET.mVehicles + offset, OFFSET.mVehicles + offset + 64), 'windows-1252');
  const vector = (offset: number) => [0, 8, 16].map((axis) => car.getFloat64(offset + axis, true));
  const elapsed = car.getFloat64(VEHICLE.mElapsedTime, true);
  const inLap = elapsed - car.getFloat64(VEHICLE.mLapStartET, true);
  const position = vector(VEHICLE.mPos).map((value) => value.toFixed(2));
  const speed = Math.hypot(...vector(VEHICLE.mLocalVel)) * 3.6;
  return (
    `car ${car.getInt32(VEHICLE.mID, true)} ${name(VEHICLE.mVehicleName)} on ${name(VEHICLE.mTrackName)}, ` +
    `${elapsed.toFixed(2)} s, lap ${car.getInt32(VEHICLE.mLapNumber, true)} for ${inLap.toFixed(2)} s, ` +
    `at (${position.join(', ')}) m, ${speed.toFixed(1)} km/h`
  );
}

using mapping = openForReading(NAME) ?? notRunning('rFactor 2 with the plugin', NAME);
using view = mapping.mapView({ length: SIZE });
const { updates, patience } = limits();
let lastVersion: number | undefined;
let lastTorn: number | undefined;
for (let seen = 0, since = performance.now(); seen < updates; await setTimeout(INTERVAL)) {
  const block = readVersionedBlock(view, SIZE);
  const isOver = performance.now() - since >= patience;
  if (block === undefined) {
    const [begin, end] = readVersions(view);
    if (lastTorn !== begin) console.log(`Update ${begin} is under way, and ${end} the last whole one: trying again`);
    lastTorn = begin;
    if (isOver) {
      console.error(`Gave up: update ${begin} has not ended for ${patience} ms, so there is nothing whole to read.`);
      process.exitCode = 1;
      break;
    }
    continue;
  }
  const version = new DataView(block.buffer).getUint32(OFFSET.mVersionUpdateEnd, true);
  if (version !== lastVersion) {
    console.log(`Update ${version}: ${describe(block)}`);
    lastVersion = version;
    seen++;
    since = performance.now();
  } else if (isOver) {
    console.log(`No update after ${version} for ${patience} ms: the game is paused or has ended.`);
    break;
  }
}
