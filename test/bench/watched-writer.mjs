/** Writes the time, as a text of 21 characters, so many times, each after a pause, to a socket or as the shared text. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { loadSharedMem } from '../../dist/index.js';

const [way, ...rest] = process.argv.slice(2);
const count = Number(rest.at(-1));
const time = () => String(process.hrtime.bigint()).padStart(21, '0');

let send;
let close;
if (way === 'socket') {
  const client = connect(rest[0]);
  await once(client, 'connect');
  send = () => client.write(time());
  close = () => client.end();
} else {
  const sharedMem = loadSharedMem();
  send = () => sharedMem.set(time());
  close = () => sharedMem.unload();
}
for (let i = 0; i < count; i++) {
  await setTimeout(3);
  send();
}
close();
process.disconnect();
