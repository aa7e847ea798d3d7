import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { FileMapping, NamedEvent, NamedMutex, NamedSemaphore, waitAny } from 'dllmemfilemap';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Peer } from '../peer.js';
import { freeName, kept } from './kept.js';

const program = fileURLToPath(new URL('../fixture/ends-while-waiting.mjs', import.meta.url));

describe('A process that waits', () => {
  test.each([
    ['no wait pending', { status: 0, stdout: '' }],
    ['a lock held', { status: 0, stdout: '' }],
    ['process.exit', { status: 7, stdout: '' }],
    ['process.exit before the wait sleeps', { status: 7, stdout: '' }],
    ['an uncaught exception', { status: 1, stderr: expect.stringContaining('not caught') }],
    ['a lock of its own that is released', { status: 0, stdout: 'acquired\n' }],
    ['terminated workers', { status: 0, stderr: '' }],
    ['a worker that exits', { status: 7, stderr: '' }],
  ])('ends with %s', (way, outcome) => {
    const args = [program, way, freeName(), freeName()];
    const ended = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 50_000, killSignal: 'SIGKILL' });
    expect(ended).toMatchObject({ signal: null, ...outcome });
  });

  test('ends with process.exit at any moment of its first wait', async () => {
    const children = Array.from({ length: 12 }, (_, i) =>
      spawn(process.execPath, [program, 'process.exit after a while', `${i * 8}`, freeName()], { stdio: 'ignore' }),
    );
    onTestFinished(() => children.forEach((child) => void child.kill('SIGKILL')));
    const ends = await Promise.all(children.map((child) => once(child, 'exit')));
    expect(new Set(ends.map(String))).toEqual(new Set(['7,']));
  });

  test('has koffi nowhere in what its helper thread has at first, as koffi cannot be ended while it loads', () => {
    const protocol = new URL('../../dist/objects/waiting/protocol.js', import.meta.url);
    const code = `await import('${protocol}'); console.log(process.report.getReport().sharedObjects.join());`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
    expect(stdout).not.toBe('');
    expect(stdout).not.toContain('koffi');
  });

  test('stays alive until the wait ends', async () => {
    const event = kept(NamedEvent.create(freeName()));
    const peer = await Peer.run(process.execPath, [program, 'a wait that ends', freeName(), event.name as string]);
    event.set();
    expect(await peer.unasked()).toEqual([]);
    expect(peer.process.exitCode).toBe(0);
  });

  test('can release in a handler of exit what it has acquired', () => {
    const mutex = kept(NamedMutex.create(freeName()));
    const args = [program, 'a lock released in a handler of exit', mutex.name as string, freeName()];
    expect(spawnSync(process.execPath, args, { timeout: 50_000, killSignal: 'SIGKILL' }).status).toBe(0);
    expect(kept(mutex.acquireSync()).abandoned).toBe(false);
  });

  test('and ends without releasing leaves the mutex abandoned', () => {
    const mutex = kept(NamedMutex.create(freeName()));
    spawnSync(process.execPath, [program, 'a lock held', mutex.name as string, freeName()], { timeout: 50_000 });
    expect(kept(mutex.acquireSync()).abandoned).toBe(true);
  });
});

describe('Waits', () => {
  test('by the hundred leave the file system alone, and each has its own signal', async () => {
    const events = Array.from({ length: 100 }, () => kept(NamedEvent.create(null)));
    const waits = events.map((event) => event.wait());
    // More than the threads of libuv's pool, which they would wait for in vain if the waits were there.
    const files = await Promise.all(Array.from({ length: 16 }, () => readFile(program, 'utf8')));
    expect(new Set(files).size).toBe(1);
    for (const event of events.reverse()) event.set();
    await Promise.all(waits);
    expect(events.some((event) => event.tryWait())).toBe(false);
  });

  test('of many for one object need one place of the system', async () => {
    const event = kept(NamedEvent.create(null));
    const other = kept(NamedEvent.create(null));
    const waits = Array.from({ length: 200 }, () => waitAny([other, event]));
    for (const wait of waits) {
      event.set();
      expect(await wait).toEqual({ index: 1 });
    }
  });

  test('for one object do not hold up those for another, however often it is signalled', async () => {
    const busy = kept(NamedSemaphore.create(null, { initial: 0, maximum: 10 }));
    const other = kept(NamedEvent.create(null));
    const ended: string[] = [];
    const waits = Array.from({ length: 10 }, () => busy.acquire().then(() => ended.push('busy')));
    waits.push(other.wait().then(() => ended.push('other')));
    busy.release(10);
    other.set();
    await Promise.all(waits);
    expect(ended.indexOf('other')).toBeLessThan(2);
  });

  test('in worker threads exclude each other, and their own thread', async () => {
    const memory = kept(FileMapping.create(freeName(), 4096));
    const mutex = kept(NamedMutex.create(freeName()));
    const argv = [memory.name as string, mutex.name as string];
    const workers = [0, 1, 2].map(
      () => new Worker(new URL('../fixture/counting-thread.mjs', import.meta.url), { argv }),
    );
    onTestFinished(() => void Promise.all(workers.map((worker) => worker.terminate())));
    await Promise.all(workers.map((worker) => once(worker, 'exit')));
    using view = memory.mapView();
    expect(new Int32Array(view.snapshot().buffer)[0]).toBe(300);
  });
});
