// Adds points to a number that C++ and Node programs share: dll/examples/scores.cpp does the same. Two of them at a
// time, one point after the other in turns, and then all who wait are told.
//
//     node dist/examples/scores.js
import { FileMapping, NamedEvent, NamedMutex, NamedSemaphore, struct } from '../index.js';

const POINTS = 1000;
const Scores = struct({ total: 'int32_t' });

using mapping = FileMapping.create('Local\\Scores', 65536);
using view = mapping.mapView();
using mutex = NamedMutex.create('Local\\ScoresLock');
using seats = NamedSemaphore.create('Local\\ScoresSeats', { initial: 2, maximum: 2 });
using changed = NamedEvent.create('Local\\ScoresChanged');

await seats.acquire();
for (let i = 0; i < POINTS; i++) {
  // The number is whole in the hands of an owner that was killed, too.
  using _lock = await mutex.acquire();
  const { total } = view.readStruct(Scores);
  view.writeStruct(Scores, { total: total + 1 });
}
seats.release();
changed.set();
console.log(`Node added ${POINTS}`);
