/**
 * The other one of two processes: answers every text with the text. Started with the way to do that, and what is needed
 * for it; says in a message what it is reached by.
 */
import { createServer } from 'node:net';
import { FileMapping, getSharedMem, NamedEvent, setSharedMem } from '../../dist/index.js';
import { load } from './peers.mjs';

const [way, argument] = process.argv.slice(2);
const ready = (address = null) => process.send(address);
if (way !== 'stdio') process.on('disconnect', () => process.exit());

if (way === 'shared-memory') {
  const mapping = FileMapping.open(argument);
  const word = new Int32Array(mapping.mapView().bytes.buffer, 0, 1);
  getSharedMem();
  process.send(null, () => {
    for (;;) {
      const turn = Atomics.load(word, 0);
      if (turn < 0) process.exit();
      if (turn % 2 === 0) continue;
      setSharedMem(getSharedMem());
      Atomics.store(word, 0, turn + 1);
    }
  });
} else if (way === 'events') {
  const [there, back] = ['there', 'back'].map((which) => NamedEvent.open(`${argument}-${which}`));
  ready();
  for (;;) {
    await there.wait();
    back.set();
  }
} else if (way === 'send') {
  process.on('message', (text) => process.send(text));
  ready();
} else if (way === 'stdio') {
  process.stdin.on('data', (data) => process.stdout.write(data));
  process.stdout.write('ready');
} else if (way === 'redis') {
  const client = load('redis').module.createClient({ socket: { path: argument } });
  await client.connect();
  ready();
  for (;;) {
    const { element } = await client.blPop('there', 0);
    client.rPush('back', element);
  }
} else {
  const server = createServer((connection) => {
    connection.setNoDelay(true);
    connection.on('data', (data) => connection.write(data));
    connection.on('error', () => {});
  });
  if (way === 'tcp') server.listen(0, '127.0.0.1', () => ready({ host: '127.0.0.1', port: server.address().port }));
  else server.listen(argument, () => ready({ path: argument }));
}
