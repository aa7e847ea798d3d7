import { execFileSync, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { arch, platform } from 'node:process';
import { fileURLToPath } from 'node:url';
import {
  FileMapping,
  getSharedMem,
  NamedEvent,
  NamedMutex,
  NamedSemaphore,
  setSharedMem,
  unloadSharedMem,
  watchSharedMem,
} from 'dllmemfilemap';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { freeName, kept } from '../objects/kept.js';
import { hexFromText, Peer } from '../peer.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tree = join(root, 'build/linux-ia32');
const programs = join(tree, 'programs');

function canCompile(): boolean {
  if (platform !== 'linux' || arch !== 'x64') return false;
  const input = '#include <linux/futex.h>\n#include <string>\nint main() {}';
  return spawnSync('c++', ['-m32', '-x', 'c++', '-', '-o', '/dev/null'], { input }).status === 0;
}

describe.skipIf(!canCompile())('A process of 32 bits and one of 64 (on Linux x64 with g++-multilib alone)', () => {
  /** What starts them: QEMU where the kernel itself starts none. */
  let starter: string[];

  beforeAll(() => {
    const cmake = (...args: string[]) => execFileSync('cmake', args, { cwd: root, stdio: 'pipe' });
    const output = `-DDLLMEMFILEMAP_OUTPUT_DIRECTORY=${programs}`;
    cmake('-S', '.', '-B', tree, '-DCMAKE_BUILD_TYPE=Debug', '-DCMAKE_CXX_FLAGS=-m32', output);
    const targets = ['dllmemfilemap', 'dll_peer', 'mapping_peer', 'waiting_peer'];
    cmake('--build', tree, '--parallel', String(availableParallelism()), '--target', ...targets);
    const isStarted = spawnSync(join(programs, 'dll_peer'), { input: '' }).status === 0;
    starter = isStarted ? [] : ['qemu-i386-static'];
  }, 180_000);

  function start(kind: 'dll' | 'mapping' | 'waiting'): Promise<Peer> {
    const [command, ...args] = [...starter, join(programs, `${kind}_peer`)];
    return Peer.run(command as string, args);
  }

  test('share the text, and tell each other of a new one', async () => {
    onTestFinished(unloadSharedMem);
    const peer = await start('dll');
    setSharedMem('of 64 bits');
    expect(await peer.get()).toBe('of 64 bits');
    const texts = watchSharedMem({ interval: 2 ** 31 - 1 });
    expect((await texts.next()).value).toBe('of 64 bits');
    const next = texts.next();
    await peer.set('of 32 bits');
    expect((await next).value).toBe('of 32 bits');
    await texts.return();
    expect(getSharedMem()).toBe('of 32 bits');
  });

  test('share a mapping of the same size', async () => {
    const name = freeName();
    const peer = await start('mapping');
    expect(await peer.create(name, 70_000)).toBe('ok created');
    const mapping = kept(FileMapping.open(name));
    kept(mapping.mapView()).writeString('of 64 bits');
    expect(mapping.size).toBe(kept(FileMapping.create(null, 70_000)).size);
    expect(await peer.ask('read')).toBe(`ok ${'o'.charCodeAt(0)}`);
  });

  test('take turns with a mutex, which the other finds abandoned if one is killed', async () => {
    const mutex = kept(NamedMutex.create(freeName()));
    const peer = await start('waiting');
    await peer.ask(`mutex ${hexFromText(mutex.name as string)}`);
    expect(await peer.ask('wait 0')).toBe('ok');
    expect(mutex.tryAcquire()).toBeUndefined();
    const acquired = mutex.acquire();
    await peer.kill();
    expect(kept(await acquired).abandoned).toBe(true);
  });

  test('wake each other by an event and a semaphore', async () => {
    const event = kept(NamedEvent.create(freeName()));
    const waiter = await start('waiting');
    await waiter.ask(`event ${hexFromText(event.name as string)} auto`);
    const woken = waiter.ask('wait 20000');
    event.set();
    expect(await woken).toBe('ok');
    const semaphore = kept(NamedSemaphore.create(freeName(), { initial: 0, maximum: 3 }));
    const poster = await start('waiting');
    await poster.ask(`semaphore ${hexFromText(semaphore.name as string)} 0 3`);
    const taken = semaphore.acquire();
    expect(await poster.ask('post 2')).toBe('ok 0');
    await taken;
    expect([semaphore.tryAcquire(), semaphore.tryAcquire()]).toEqual([true, false]);
  });
});
