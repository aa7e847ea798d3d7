// Reads a player's position from Mumble's Link plugin.
//
//     npm run example -- mumble-link         together with a publisher of its own, on any system
//     node dist/examples/mumble-link.js      alone, while Mumble and a game that is linked with it run, on Windows
//
// It ends after 20 positions, or once there was none for 5000 ms; both can be given as arguments.
//
// The memory outlives the game, with the last position in it, as Mumble has it open, too. What tells that the game is
// there is uiTick, which changes with every frame: nothing is current before it has changed once.
import { setTimeout } from 'node:timers/promises';
import type { MappedView, StructValue } from '../index.js';
import { LinkedMem } from './mumble-link-layout.js';
import { INTERVAL, limits, openWhenRunning, quote } from './reader.js';

/**
 * Copies the link. There are no version words in it, so that a copy may hold parts of two frames; one during which
 * uiTick has changed is refused.
 *
 * @returns `undefined` if no game is linked, or if this copy is no good
 */
function readLink(view: MappedView): StructValue<typeof LinkedMem> | undefined {
  const link = view.readStruct(LinkedMem);
  return link.uiVersion === 2 && view.readField(LinkedMem, 'uiTick') === link.uiTick ? link : undefined;
}

const format = (vector: readonly number[]) => `(${vector.map((value) => value.toFixed(2)).join(', ')})`;

const { updates, patience } = limits();
using mapping = await openWhenRunning('Mumble', 'MumbleLink', patience);
using view = mapping.mapView({ length: LinkedMem.size });
let lastTick: number | undefined;
for (let seen = 0, since = performance.now(); seen < updates; await setTimeout(INTERVAL)) {
  const link = readLink(view);
  if (link !== undefined && link.uiTick !== lastTick) {
    const { uiTick, name, identity, fAvatarPosition, fAvatarFront } = link;
    if (lastTick === undefined) {
      const player = `${quote(name)} is linked, with the player ${quote(identity)}`;
      console.log(`${player}; waiting for uiTick ${uiTick} to change`);
    } else {
      seen++;
      console.log(`uiTick ${uiTick}: at ${format(fAvatarPosition)} m, facing ${format(fAvatarFront)}`);
    }
    lastTick = uiTick;
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
