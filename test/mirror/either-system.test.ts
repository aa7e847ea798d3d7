import { FileMapping, getSharedMem, setSharedMem, unloadSharedMem } from 'dllmemfilemap';
import { mirror } from 'dllmemfilemap/mirror';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { namesOf } from '../../dist/mirror/streams.js';
import { elsewhere, sent, write } from './elsewhere.js';
import { hasServer, runningServer, Server } from './server.mjs';

const NAME = 'Local\\mirror.test';
const SOON = { timeout: 30_000, interval: 10 };

let server: Server | undefined;
let url = runningServer ?? '';
beforeAll(async () => {
  if (!hasServer) return;
  server = await Server.start();
  url = server.url;
});
afterAll(() => server?.close());
afterEach(() => unloadSharedMem());

// Also under Wine, where the machines of the other tests are not.
describe.skipIf(!hasServer && runningServer === undefined)('On Windows as on Linux (needs nats-server)', () => {
  test('the shared text goes to the server, and comes from there', async () => {
    const options = { group: `text-${process.pid}`, storage: 'memory' } as const;
    await using mirrored = await mirror(url, options);
    const store = await elsewhere(url, options);
    const isSent = sent(mirrored);
    setSharedMem('Grüße');
    await isSent;
    expect(Buffer.from((await store.read('dllmemfilemap'))?.value?.bytes ?? '').toString('utf16le')).toBe('Grüße');
    await write(store, 'dllmemfilemap', 'text', Buffer.from('from there', 'utf16le'));
    await expect.poll(() => getSharedMem(), SOON).toBe('from there');
  });

  test('so does a section, which is the same with and without Local\\', async () => {
    const options = { group: `section-${process.pid}`, storage: 'memory' } as const;
    await using mirrored = await mirror(url, { ...options, sections: [{ name: NAME, size: 4096 }] });
    using mapping = FileMapping.open(NAME);
    using view = mapping.mapView();
    const store = await elsewhere(url, options);
    const name = NAME.replace('Local\\', '');
    await expect.poll(async () => (await store.read(name))?.value?.length, SOON).toBe(4096);
    const isSent = sent(mirrored);
    view.writeBytes(Uint8Array.of(1, 2, 3), 100);
    await isSent;
    const { bytes = new Uint8Array(0) } = (await store.read(name))?.value ?? {};
    expect([...bytes.subarray(99, 104)]).toEqual([0, 1, 2, 3, 0]);
    await write(store, name, 'bytes', Buffer.alloc(4096, 7));
    await expect.poll(() => [...view.snapshot(99, 5)], SOON).toEqual([7, 7, 7, 7, 7]);
  });

  test('what no mirror has sent changes nothing and ends nothing', async () => {
    const options = { group: `nonsense-${process.pid}`, storage: 'memory' } as const;
    await using mirrored = await mirror(url, options);
    const store = await elsewhere(url, options);
    let applied = 0;
    mirrored.on('applied', () => applied++);
    const isSent = sent(mirrored);
    setSharedMem('stays');
    await isSent;
    const header = (format: number, kind: number, length: number) => {
      const bytes = Buffer.alloc(24);
      bytes.writeUInt8(format, 0);
      bytes.writeUInt8(kind, 1);
      bytes.writeDoubleLE(Number.MAX_VALUE, 4);
      bytes.writeUInt32LE(length, 20);
      return bytes;
    };
    const nothing = header(1, 0, 0);
    nothing.writeDoubleLE(Number.NaN, 4);
    const messages = [
      ...[Buffer.of(), Buffer.alloc(23), Buffer.from('nonsense'), nothing, header(2, 0, 0), header(1, 99, 0)],
      ...[
        header(1, 0, 5),
        header(1, 1, 0),
        header(1, 2, 0xffffffff),
        Buffer.concat([header(1, 2, 1), Buffer.alloc(28)]),
      ],
    ];
    const subject = namesOf(options.group).value('dllmemfilemap');
    for (const message of messages) await store.connection.nats.request(subject, message);
    // After all of them, a value.
    await write(store, 'dllmemfilemap', 'text', Buffer.from('goes on', 'utf16le'));
    await expect.poll(() => getSharedMem(), SOON).toBe('goes on');
    expect(applied).toBe(1);
  });
});
