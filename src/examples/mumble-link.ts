// Reads a player's position from Mumble's Link plugin.
//
//     npm run example -- mumble-link         together with a publisher of its own, on any system
//     node dist/examples/mumble-link.js      alone, while Mumble and a game that is linked with it run, on Windows
//
// It ends after 20 positions, or once there was none for 5000 ms; both can be given as arguments. The layout:
// https://www.mumble.info/documentation/developer/positional-audio/link-plugin/
//
// The memory outlives the game, with the last position in it, as Mumble has it open, too. What tells that the game is
// there is uiTick, which changes with every frame: nothing is current before it has changed once.
import { setTimeout } from 'node:timers/promises';
import type { MappedView } from '../index.js';
import { INTERVAL, limits, notRunning, openForReading, quote } from './reader.js';

const NAME = 'MumbleLink';

/** Where the fields of `struct LinkedMem` are on Windows, in bytes. A wchar_t there is UTF-16. */
const OFFSET = {
  uiVersion: 0, // uint32: 2 while a game is linked, 0 otherwise
  uiTick: 4, // uint32
  fAvatarPosition: 8, // float[3], in metres: to the right, up, to the front
  fAvatarFront: 20, // float[3], a unit vector
  fAvatarTop: 32, // float[3], a unit vector
  name: 44, // wchar_t[256]: the game
  fCameraPosition: 556, // float[3]
  fCameraFront: 568, // float[3]
  fCameraTop: 580, // float[3]
  identity: 592, // wchar_t[256]: the player
  context_len: 1104, // uint32
  context: 1108, // unsigned char[256]: equal for players who can hear each other
  description: 1364, // wchar_t[2048]
} as const;
const SIZE = 5460;

type Vector = readonly [number, number, number];

interface Link {
  readonly tick: number;
  readonly name: string;
  readonly identity: string;
  readonly position: Vector;
  readonly front: Vector;
}

/**
 * Copies the link. There are no version words in it, so that a copy may hold parts of two frames; one during which
 * uiTick has changed is refused.
 *
 * @returns `undefined` if no game is linked, or if this copy is no good
 */
function readLink(view: MappedView): Link | undefined {
  const bytes = view.snapshot(0, SIZE);
  const data = new DataView(bytes.buffer);
  const tick = data.getUint32(OFFSET.uiTick, true);
  const tickNow = new DataView(view.snapshot(OFFSET.uiTick, 4).buffer).getUint32(0, true);
  if (data.getUint32(OFFSET.uiVersion, true) !== 2 || tickNow !== tick) return undefined;

  const vector = (offset: number): Vector => [
    data.getFloat32(offset, true),
    data.getFloat32(offset + 4, true),
    data.getFloat32(offset + 8, true),
  ];
  return {
    tick,
    name: quote(bytes.subarray(OFFSET.name, OFFSET.name + 512), 'utf-16le'),
    identity: quote(bytes.subarray(OFFSET.identity, OFFSET.identity + 512), 'utf-16le'),
    position: vector(OFFSET.fAvatarPosition),
    front: vector(OFFSET.fAvatarFront),
  };
}

const format = (vector: Vector) => `(${vector.map((value) => value.toFixed(2)).join(', ')})`;

using mapping = openForReading(NAME) ?? notRunning('Mumble', NAME);
using view = mapping.mapView({ length: SIZE });
const { updates, patience } = limits();
let lastTick: number | undefined;
for (let seen = 0, since = performance.now(); seen < updates; await setTimeout(INTERVAL)) {
  const link = readLink(view);
  if (link !== undefined && link.tick !== lastTick) {
    if (lastTick === undefined) {
      console.log(
        `${link.name} is linked, with the player ${link.identity}; waiting for uiTick ${link.tick} to change`,
      );
    } else {
      seen++;
      console.log(`uiTick ${link.tick}: at ${format(link.position)} m, facing ${format(link.front)}`);
    }
    lastTick = link.tick;
    since = performance.now();
  } else if (performance.now() - since >= patience) {
    console.log(
      lastTick === undefined
        ? `No game was linked for ${patience} ms.`
        : `Stale: uiTick is ${lastTick} since ${patience} ms, so the game has stopped.`,
    );
    break;
  }
}
