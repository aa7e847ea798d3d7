import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, chownSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { platform } from 'node:process';
import { fileURLToPath } from 'node:url';
import koffi from 'koffi';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { kernel32, security } from '../../../dist/win32/kernel32.js';
import { kernel32Path, programPath } from '../../../dist/win32/native-library.js';
import { canRunAsOthers, LANGUAGES, type Language, Peer, type PeerOptions } from '../../peer.js';
import { fileMadeBy, sharedFiles } from '../../shared-files.js';

const onWindows = platform === 'win32';
const onLinux = platform === 'linux';
const asRoot = process.getuid?.() === 0;

const PAGE = 4096;
const NOT_FOUND = 'error 2';
const NO_ROOM = /^error (8|1455)$/;

const SCOPES = ['Local\\', 'Global\\'];

const freeName = (prefix = '') => prefix + randomUUID();

const start = (language: Language) => Peer.start(language, 'mapping');

/** Starts a program by a line of shell script, which ends with running it. */
function startBy(script: string, language: Language): Promise<Peer> {
  return Peer.run('sh', ['-c', `${script} exec "$0" "$@"`, ...Peer.commandLine(language, 'mapping')]);
}

/** What the processes of an earlier test left behind would be swept in the middle of another. */
beforeEach(async () => {
  if (onWindows) return;
  const peer = await start('C++');
  for (const scope of SCOPES) expect(await peer.open(freeName(scope))).toBe(NOT_FOUND);
  await peer.end();
});

/** Has a process die that has used a name, so that the next one sweeps. */
async function haveOneDie(): Promise<void> {
  const peer = await start('C++');
  expect(await peer.open(freeName())).toBe(NOT_FOUND);
  await peer.kill();
}

/** Waits until the system says that the process is stopped. */
async function untilStopped(pid: number): Promise<void> {
  const state = () => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /, '')[0];
  await vi.waitUntil(() => state() === 'T', { timeout: 20_000, interval: 1 });
}

/** The environment of a program in whose system calls this happens: see faults.cpp. */
const withFaults = (faults: string) => ({ LD_PRELOAD: programPath('libfaults.so'), FAULTS: faults });
const stopIn = (place: string) => withFaults(`${place}:stop`);
/** That of one that is killed as soon as it looks at what files there are. */
const withoutSweep = () => withFaults('opendir:1:kill');

/** The command line of a Node process that runs a module, which has FileMapping. */
function nodeRunning(code: string): [string, ...string[]] {
  const index = JSON.stringify(new URL('../../../dist/index.js', import.meta.url));
  return [process.execPath, '--input-type=module', '-e', `import { FileMapping } from ${index};\n${code}`];
}

/** Runs it to its end. */
function runInNode(code: string) {
  const [command, ...args] = nodeRunning(code);
  return spawnSync(command, args, { encoding: 'utf8' });
}

/** Starts a C++ process that stops in a call of a function, and has it do what leads there. */
async function stoppedIn(place: string, lead: (peer: Peer) => Promise<string>): Promise<Peer> {
  const peer = await Peer.start('C++', 'mapping', { env: stopIn(place) });
  expect(await lead(peer)).toBe(`stopped in ${place.split(':')[0]}`);
  await untilStopped(peer.process.pid as number);
  return peer;
}

describe.skipIf(!onLinux)('A process that stops (on Linux alone, which can preload a library that stops it)', () => {
  describe.each([
    ['fcntl:1', 'before it locks the new file'],
    ['fallocate:1', 'before the new file has memory'],
    ['fchmod:1', 'before the new file has its permissions'],
    ['link:1', 'before the new file has its name'],
  ])('in %s, %s,', (place) => {
    test.each(LANGUAGES)('holds up nobody in %s, and joins them when it goes on', async (language) => {
      const name = freeName();
      const creator = await stoppedIn(place, (peer) => peer.create(name, PAGE));
      const other = await start(language);
      expect(await other.open(name)).toBe(NOT_FOUND);
      expect(await other.create(name, PAGE)).toBe('ok created');
      expect(await other.ask('read 0')).toBe('ok 0');
      await other.ask('write 0 7');
      expect(await creator.resume()).toBe('ok opened');
      expect(await creator.ask('read 0')).toBe('ok 7');
      await creator.ask('write 0 8');
      expect(await other.ask('read 0')).toBe('ok 8');
    });

    test('is the creator when it goes on and nobody else has come', async () => {
      const name = freeName();
      const creator = await stoppedIn(place, (peer) => peer.create(name, PAGE));
      await haveOneDie();
      expect(await (await start('C++')).open(freeName())).toBe(NOT_FOUND);
      expect(await creator.resume()).toBe('ok created');
      const other = await start('C++');
      expect(await other.open(name)).toBe('ok');
      await creator.ask('write 0 9');
      expect(await other.ask('read 0')).toBe('ok 9');
    });

    test('and is killed there leaves nothing behind', async () => {
      const name = freeName();
      const before = sharedFiles();
      const creator = await stoppedIn(place, (peer) => peer.create(name, PAGE));
      expect(sharedFiles().length).toBe(before.length + 1);
      await creator.kill();
      const other = await start('C++');
      expect(await other.open(name)).toBe(NOT_FOUND);
      expect(sharedFiles()).toEqual(before);
      expect(await other.create(name, PAGE)).toBe('ok created');
      expect(await other.ask('read 0')).toBe('ok 0');
    });
  });

  test.each(LANGUAGES)('in unlink, with the object already made, shares it with %s', async (language) => {
    const name = freeName();
    const creator = await stoppedIn('unlink:1', (peer) => peer.create(name, PAGE));
    const other = await start(language);
    expect(await other.create(name, PAGE)).toBe('ok opened');
    await other.ask('write 0 7');
    expect(await creator.resume()).toBe('ok created');
    expect(await creator.ask('read 0')).toBe('ok 7');
  });

  // Its calls about the lock: in the sweep, to ask who holds it, and to take it.
  test.each(['fcntl:1', 'fcntl:2', 'fcntl:3'])(
    'in %s, about to join an object that ends meanwhile, joins the next one',
    async (place) => {
      const name = freeName();
      const [first, second] = await Promise.all([start('C++'), start('Node')]);
      await first.create(name, PAGE);
      await first.ask('write 0 1');
      await haveOneDie();
      const joining = await stoppedIn(place, (peer) => peer.create(name, PAGE));
      await first.ask('unmap');
      expect(await first.ask('close')).toBe('ok');
      expect(await second.create(name, PAGE)).toBe('ok created');
      await second.ask('write 0 2');
      expect(await joining.resume()).toBe('ok opened');
      expect(await joining.ask('read 0')).toBe('ok 2');
    },
  );

  test.each(['fcntl:1', 'fcntl:2', 'fcntl:3'])(
    'in %s, about to open an object that somebody has meanwhile seen to be gone, finds none',
    async (place) => {
      const name = freeName();
      const holder = await start('C++');
      await holder.create(name, PAGE);
      await haveOneDie();
      const opening = await stoppedIn(place, (peer) => peer.open(name));
      await holder.kill();
      expect(await (await start('C++')).open(name)).toBe(NOT_FOUND);
      expect(await opening.resume()).toBe(NOT_FOUND);
      expect(await opening.create(name, PAGE)).toBe('ok created');
    },
  );

  /** Has it create and close; fcntl's first call is the creation's, and unlink's too. */
  const closing = (name: string) => async (peer: Peer) => {
    expect(await peer.create(name, PAGE)).toBe('ok created');
    await peer.ask('write 0 1');
    await peer.ask('unmap');
    return peer.ask('close');
  };

  test.each(LANGUAGES)(
    'between letting go of a name and freeing it does not take the name from %s',
    async (language) => {
      const name = freeName();
      const closer = await stoppedIn('fcntl:3', closing(name));
      const other = await start(language);
      expect(await other.open(name)).toBe(NOT_FOUND);
      expect(await other.create(name, PAGE)).toBe('ok created');
      expect(await other.ask('read 0')).toBe('ok 0');
      expect(await closer.resume()).toBe('ok');
      const third = await start(language);
      expect(await third.open(name)).toBe('ok');
    },
  );

  test('while it frees a name makes others give up with ERROR_BUSY, until it goes on', async () => {
    const name = freeName();
    const closer = await stoppedIn('unlink:2', closing(name));
    const [a, b] = await Promise.all([start('C++'), start('Node')]);
    expect(await Promise.all([a.create(name, PAGE), b.open(name)])).toEqual(['error 170', 'error 170']);
    // Others are not concerned.
    expect(await a.create(freeName(), PAGE)).toBe('ok created');
    expect(await closer.resume()).toBe('ok');
    expect(await a.create(name, PAGE)).toBe('ok created');
    expect(await b.open(name)).toBe('ok');
  });

  test('in a sweep, until a second is over, sweeps no more when it goes on, and the next process does', async () => {
    const before = sharedFiles();
    const dead = await start('C++');
    for (let i = 0; i < 2; i++) expect(await dead.create(freeName(), PAGE)).toBe('ok created');
    await dead.kill();
    const sweeping = await stoppedIn('readdir:1', (peer) => peer.open(freeName()));
    const stopped = performance.now();
    await vi.waitUntil(() => performance.now() - stopped > 1000, { timeout: 20_000 });
    expect(await sweeping.resume()).toBe(NOT_FOUND);
    expect(sharedFiles().length).toBe(before.length + 2);
    expect(await (await start('C++')).open(freeName())).toBe(NOT_FOUND);
    expect(sharedFiles()).toEqual(before);
  });

  test('in a sweep, and is killed there, leaves it to the next process', async () => {
    const before = sharedFiles();
    const dead = await start('C++');
    expect(await dead.create(freeName(), PAGE)).toBe('ok created');
    await dead.kill();
    const sweeping = await stoppedIn('readdir:1', (peer) => peer.open(freeName()));
    await sweeping.kill();
    expect(sharedFiles().length).toBe(before.length + 1);
    expect(await (await start('C++')).open(freeName())).toBe(NOT_FOUND);
    expect(sharedFiles()).toEqual(before);
  });

  test.each(['fcntl:2', 'fcntl:3', 'unlink:2'])(
    'in %s while it frees a name, and is killed, has freed it',
    async (place) => {
      const name = freeName();
      const closer = await stoppedIn(place, closing(name));
      await closer.kill();
      const other = await start('C++');
      expect(await other.open(name)).toBe(NOT_FOUND);
      expect(await other.create(name, PAGE)).toBe('ok created');
      expect(await other.ask('read 0')).toBe('ok 0');
    },
  );

  // Its calls about the lock: in the sweep, and to ask who holds it, more than once while somebody does.
  describe.each(['fcntl:1', 'fcntl:2', 'fcntl:3', 'fcntl:4'])(
    'in unlink, about to remove what is dead, and is killed, while another has come to %s,',
    (place) => {
      /** A name whose object is dead, and a process that was about to join it when its remover was killed. */
      async function abandonTo(lead: (peer: Peer, name: string) => Promise<string>) {
        const name = freeName();
        const holder = await start('C++');
        await holder.create(name, PAGE);
        await holder.ask('write 0 1');
        await holder.kill();
        const remover = await stoppedIn('unlink:1', (peer) => peer.open(name));
        await haveOneDie();
        const other = await stoppedIn(place, (peer) => lead(peer, name));
        await remover.kill();
        return other;
      }

      test('does not bring it back for an opener', async () => {
        const opener = await abandonTo((peer, name) => peer.open(name));
        expect(await opener.resume()).toBe(NOT_FOUND);
      });

      test('does not bring it back for a creator', async () => {
        const creator = await abandonTo((peer, name) => peer.create(name, PAGE));
        expect(await creator.resume()).toBe('ok created');
        expect(await creator.ask('read 0')).toBe('ok 0');
      });
    },
  );
});

describe.skipIf(!onLinux)(
  'The first name of a process (on Linux alone, which can preload a library that kills it)',
  () => {
    const startWithoutSweep = () => Peer.start('C++', 'mapping', { env: withoutSweep() });

    test.each(LANGUAGES)('is made without a look at the objects of %s, while nobody has died', async (language) => {
      const [holder, other] = await Promise.all([start(language), start(language)]);
      for (const peer of [holder, other]) expect(await peer.create(freeName(), PAGE)).toBe('ok created');
      expect(await other.end()).toBe(0); // with its object open
      expect(await (await startWithoutSweep()).create(freeName(), PAGE)).toBe('ok created');
    });

    test.each(LANGUAGES)('is made after one at every file, if %s has been killed', async (language) => {
      const [holder, other] = await Promise.all([start(language), start(language)]);
      for (const peer of [holder, other]) expect(await peer.create(freeName(), PAGE)).toBe('ok created');
      await other.kill();
      const next = await startWithoutSweep();
      await expect(next.create(freeName(), PAGE)).rejects.toThrow();
    });
  },
);

describe.skipIf(!onLinux || !asRoot)(
  'The register of processes (on Linux alone, and not without root: it has a /dev/shm mounted)',
  () => {
    const REGISTER = '/dev/shm/dllmemfilemap-processes.user-0';

    /** Starts a process with a /dev/shm of its own. The functions start others there, and list its files. */
    async function startAlone(prepare = 'true') {
      const command = Peer.commandLine('C++', 'mapping');
      const script = `mount -t tmpfs tmpfs /dev/shm && ${prepare} && exec "$0" "$@"`;
      const first = await Peer.run('unshare', ['--mount', 'sh', '-c', script, ...command]);
      const enter = ['--mount', `--target=${first.process.pid}`];
      const run = (script: string) => spawnSync('nsenter', [...enter, 'sh', '-c', script], { encoding: 'utf8' }).stdout;
      return {
        first,
        startBeside: (options: PeerOptions = {}) => Peer.run('nsenter', [...enter, ...command], options),
        list: () => run('ls -A /dev/shm'),
        run,
      };
    }

    test('is there while a process lives that has used a name, and goes with the last', async () => {
      const { first, startBeside, list } = await startAlone();
      expect(list()).toBe('');
      const users = [await startBeside(), await startBeside()];
      for (const user of users) expect(await user.open(freeName())).toBe(NOT_FOUND);
      for (const user of users) {
        expect(list()).toBe('dllmemfilemap-processes.user-0\n');
        expect(await user.end()).toBe(0);
      }
      expect(list()).toBe('');
      expect(await first.end()).toBe(0);
    });

    test.each([
      ['a directory', `mkdir ${REGISTER}`],
      ['a FIFO', `mkfifo ${REGISTER}`],
      ['a link', `ln -s /etc/passwd ${REGISTER}`],
      ["another user's file", `touch ${REGISTER} && chown 12345 ${REGISTER}`],
      ['a file that others may open', `touch ${REGISTER} && chmod 644 ${REGISTER}`],
      ['a file with another name', `touch /dev/shm/other && chmod 600 /dev/shm/other && ln /dev/shm/other ${REGISTER}`],
    ])('keeps nobody from a sweep where there is %s in its place', async (_, plant) => {
      const { first, startBeside, list, run } = await startAlone(plant);
      expect(await first.create(freeName(), PAGE)).toBe('ok created');
      const before = list();
      const dead = await startBeside();
      expect(await dead.create(freeName(), PAGE)).toBe('ok created');
      await dead.kill();
      expect(list()).not.toBe(before);
      expect(await (await startBeside()).open(freeName())).toBe(NOT_FOUND);
      expect(list()).toBe(before);
      expect(run(`find ${REGISTER} -type f -size +0`)).toBe('');
    });

    test('is not left by a process that could not be entered', async () => {
      const { first, list } = await startAlone('ulimit -f 0');
      expect(await first.open(freeName())).toBe(NOT_FOUND);
      expect(list()).toBe('');
    });

    test('has room for the living when it is full of the dead', async () => {
      const fill = `head -c 4096 /dev/zero | tr '\\0' '\\1' > ${REGISTER} && chmod 600 ${REGISTER}`;
      const { startBeside, list } = await startAlone(fill);
      const users = [await startBeside(), await startBeside({ env: withoutSweep() })];
      for (const user of users) expect(await user.open(freeName())).toBe(NOT_FOUND);
      for (const user of users) expect(await user.end()).toBe(0);
      expect(list()).toBe('');
    });

    test('says that it is swept where others have put a directory among the files', async () => {
      const { first, startBeside } = await startAlone('mkdir /dev/shm/dllmemfilemap.user-0.planted');
      expect(await first.open(freeName())).toBe(NOT_FOUND);
      expect(await (await startBeside({ env: withoutSweep() })).open(freeName())).toBe(NOT_FOUND);
    });

    test('is all that a process writes to when it ends, whoever has closed its descriptor', async () => {
      const own = join(mkdtempSync(join(tmpdir(), 'register-')), 'own');
      onTestFinished(() => rmSync(dirname(own), { recursive: true }));
      const { stdout } = runInNode(`
        import { closeSync, openSync, readdirSync, readlinkSync, writeSync } from 'node:fs';
        FileMapping.create('${freeName()}', 1).close();
        const pathOf = (fd) => { try { return readlinkSync('/proc/self/fd/' + fd); } catch { return ''; } };
        const fd = Number(readdirSync('/proc/self/fd').find((fd) => pathOf(fd).includes('-processes.')));
        closeSync(fd);
        console.log(openSync(${JSON.stringify(own)}, 'w') === fd, writeSync(fd, 'x'.repeat(5000)));`);
      expect(stdout).toBe('true 5000\n');
      expect(readFileSync(own, 'latin1')).toBe('x'.repeat(5000));
    });
  },
);

describe.skipIf(!onLinux || !asRoot)(
  'Two processes with the same process id, in different namespaces of ids (on Linux alone, and not without root),',
  () => {
    /** The id that a process has here of the only process that another has started. */
    const childOf = (pid: number) => Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));

    /** Starts a process that is the second in a namespace of its own: the first cannot be stopped. */
    async function startSecond(place?: string): Promise<{ peer: Peer; pid: number }> {
      const peer = await Peer.run(
        'unshare',
        ['--pid', '--fork', '--kill-child', 'sh', '-c', '"$0" "$@"; exit', ...Peer.commandLine('C++', 'mapping')],
        { env: place ? stopIn(place) : {} },
      );
      const pid = childOf(childOf(peer.process.pid as number));
      expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^NSpid:.*\t2$/m);
      return { peer, pid };
    }

    test('share one object', async () => {
      const name = freeName();
      const [a, b] = await Promise.all([startSecond(), startSecond()]);
      expect(await a.peer.create(name, PAGE)).toBe('ok created');
      expect(await b.peer.create(name, PAGE)).toBe('ok opened');
      await a.peer.ask('write 0 7');
      expect(await b.peer.ask('read 0')).toBe('ok 7');
      for (const { peer } of [a, b]) expect(await peer.end()).toBe(0);
    });

    test("share one object, although a sweep gave the one's new file's name to the other's", async () => {
      const name = freeName();
      const [a, b] = await Promise.all([startSecond('fcntl:1'), startSecond('link:1')]);
      expect(await a.peer.create(name, PAGE)).toBe('stopped in fcntl');
      await untilStopped(a.pid);
      const [passing] = sharedFiles().filter((path) => path.includes('new-'));
      await haveOneDie();
      expect(await (await start('C++')).open(freeName())).toBe(NOT_FOUND);
      expect(sharedFiles()).not.toContain(passing);
      expect(await b.peer.create(name, PAGE)).toBe('stopped in link');
      await untilStopped(b.pid);
      expect(sharedFiles()).toContain(passing);
      process.kill(a.pid, 'SIGCONT');
      expect(await a.peer.resume()).toBe('ok created');
      await a.peer.ask('write 0 7');
      process.kill(b.pid, 'SIGCONT');
      expect(await b.peer.resume()).toBe('ok opened');
      expect(await b.peer.ask('read 0')).toBe('ok 7');
      for (const { peer } of [a, b]) expect(await peer.end()).toBe(0);
    });
  },
);

describe.skipIf(onWindows)(
  'What killed processes left on disk (not on Windows, where there is nothing on disk)',
  () => {
    test.each(SCOPES)('with the prefix %s, is swept by the next process that uses the namespace', async (scope) => {
      const before = sharedFiles();
      const peers = (await Promise.all(LANGUAGES.map((language) => Peer.startAll(3, language, 'mapping')))).flat();
      for (const peer of peers) {
        for (let i = 0; i < 5; i++) expect(await peer.create(freeName(scope), PAGE)).toBe('ok created');
      }
      await Promise.all(peers.map((peer) => peer.kill()));
      expect(sharedFiles().length).toBe(before.length + 30);
      const next = await start('C++');
      expect(await next.open(freeName(scope))).toBe(NOT_FOUND);
      expect(sharedFiles()).toEqual(before);
    });

    test('is nobody that counts, although a process that they started lives', async () => {
      const name = freeName();
      const holder = await start('Node');
      expect(await holder.create(name, PAGE)).toBe('ok created');
      const [, child] = (await holder.ask('spawn tail -f /dev/null')).split(' ');
      onTestFinished(() => void process.kill(Number(child), 'SIGKILL'));
      await holder.kill();
      expect(process.kill(Number(child), 0)).toBe(true);
      expect(await (await start('C++')).open(name)).toBe(NOT_FOUND);
    });

    test('is not what living processes have', async () => {
      const name = freeName();
      const holder = await start('C++');
      const path = await fileMadeBy(() => holder.create(name, PAGE));
      const next = await start('C++');
      expect(await next.create(freeName(), PAGE)).toBe('ok created');
      expect(sharedFiles()).toContain(path);
      expect(await next.open(name)).toBe('ok');
    });

    test.each(LANGUAGES)('is nothing, if %s ended by itself', async (language) => {
      const before = sharedFiles();
      const peer = await start(language);
      for (let i = 0; i < 5; i++) expect(await peer.create(freeName(SCOPES[i % 2]), PAGE)).toBe('ok created');
      expect(sharedFiles().length).toBe(before.length + 5);
      expect(await peer.end()).toBe(0);
      expect(sharedFiles()).toEqual(before);
    });
  },
);

describe.skipIf(!onLinux || !asRoot)(
  'A small /dev/shm (on Linux alone, and not without root: it has to be mounted)',
  () => {
    /** Starts a process to which /dev/shm is a file system of its own. */
    const startWithRoom = (size: string, language: Language) =>
      Peer.run('unshare', [
        ...['--mount', 'sh', '-c', `mount -t tmpfs -o size=${size} tmpfs /dev/shm && exec "$0" "$@"`],
        ...Peer.commandLine(language, 'mapping'),
      ]);

    /** Starts another process in the same room. */
    const joinRoom = (peer: Peer, language: Language) =>
      Peer.run('nsenter', [`--target=${peer.process.pid}`, '--mount', '--', ...Peer.commandLine(language, 'mapping')]);

    test.each([
      ['in Local\\', freeName('Local\\')],
      ['in Global\\', freeName('Global\\')],
      ['without a name', '\0'],
    ])('has the room of what died after the first sweep of a long-lived process for its object %s', async (_, name) => {
      const longLived = await startWithRoom('256k', 'C++');
      for (const scope of SCOPES) expect(await longLived.create(freeName(scope), PAGE)).toBe('ok created');
      const other = await joinRoom(longLived, 'C++');
      expect(await other.create(freeName('Global\\'), 160 * 1024)).toBe('ok created');
      await other.kill();
      expect(await longLived.create(name, 160 * 1024)).toBe('ok created');
    });

    describe.each(LANGUAGES)('in %s', (language) => {
      test('is an error when the object is created, and leaves the room to smaller ones', async () => {
        const peer = await startWithRoom('256k', language);
        for (const size of [256 * 1024, 1024 * 1024, 2 ** 33, 2 ** 43]) {
          expect(await peer.create(freeName(), size)).toMatch(NO_ROOM);
        }
        expect(await peer.create(freeName(), 200 * 1024)).toBe('ok created');
        expect(await peer.ask(`write ${200 * 1024 - 1} 1`)).toBe('ok');
        expect(await peer.ask(`read ${200 * 1024 - 1}`)).toBe('ok 1');
      });

      test('never ends a process that touches the memory that it was given', async () => {
        const peer = await startWithRoom('256k', language);
        let objects = 0;
        for (let answer = ''; ; objects++) {
          answer = await peer.create(freeName(), 3 * PAGE);
          if (answer !== 'ok created') {
            expect(answer).toMatch(NO_ROOM);
            break;
          }
          for (const offset of [0, PAGE, 2 * PAGE, 3 * PAGE - 1]) {
            expect(await peer.ask(`write ${offset} 1`)).toBe('ok');
          }
        }
        expect(objects).toBeGreaterThan(10);
        // An object without a name takes room, too.
        expect(await peer.create(freeName(), PAGE * 100)).toMatch(NO_ROOM);
        expect(await peer.end()).toBe(0);
      });
    });

    test('that is missing is ERROR_PATH_NOT_FOUND', async () => {
      const script = 'mount -t tmpfs tmpfs /dev && exec "$0"';
      const peer = await Peer.run('unshare', ['--mount', 'sh', '-c', script, programPath('mapping_peer')]);
      for (const scope of SCOPES) {
        expect(await peer.create(freeName(scope), PAGE)).toBe('error 3');
        expect(await peer.open(freeName(scope))).toBe(NOT_FOUND);
      }
    });

    test('that is mounted read-only is ERROR_WRITE_PROTECT', async () => {
      const peer = await startWithRoom('256k,ro', 'C++');
      expect(await peer.create(freeName(), PAGE)).toBe('error 19');
      expect(await peer.open(freeName())).toBe(NOT_FOUND);
    });
  },
);

describe.skipIf(onWindows)('A limit on resources (not on Windows, which has none of these)', () => {
  describe.each(LANGUAGES)('in %s', (language) => {
    test('on the size of files is an error for what is larger, and no signal', async () => {
      const peer = await startBy('ulimit -f 128;', language);
      expect(await peer.create(freeName(), 1024 * 1024)).toMatch(NO_ROOM);
      expect(await peer.create(freeName(), PAGE)).toBe('ok created');
      expect(await peer.ask('write 4095 1')).toBe('ok');
      expect(await peer.end()).toBe(0);
    });

    test('on the size of files, even to nothing, ends no process that opens and closes an object', async () => {
      const name = freeName();
      expect(await (await start('C++')).create(name, PAGE)).toBe('ok created');
      const peer = await startBy('ulimit -f 0;', language);
      expect(await peer.open(name)).toBe('ok');
      expect(await peer.end()).toBe(0);
    });

    test('on the number of files is ERROR_TOO_MANY_OPEN_FILES, and the process lives on', async () => {
      const peer = await startBy('ulimit -n 64;', language);
      const names: string[] = [];
      for (;;) {
        const name = freeName();
        const answer = await peer.create(name, PAGE);
        if (answer !== 'ok created') {
          expect(answer).toBe('error 4');
          break;
        }
        names.push(name);
      }
      expect(names.length).toBeGreaterThan(10);
      expect(await peer.open(names[0] as string)).toBe('error 4');
      expect(await peer.ask('unmap')).toBe('ok');
      expect(await peer.ask('close')).toBe('ok');
      expect(await peer.create(freeName(), PAGE)).toBe('ok created');
      expect(await peer.create(freeName(), PAGE)).toBe('error 4');
      const other = await start('C++');
      expect(await other.open(names[0] as string)).toBe('ok');
      expect(await peer.end()).toBe(0);
      expect(await (await start('C++')).open(names[1] as string)).toBe(NOT_FOUND);
    });
  });
});

test.skipIf(onWindows)('An error for want of descriptors blames no file (POSIX)', () => {
  const node = nodeRunning(`
    import { openSync } from 'node:fs';
    FileMapping.create(null, 1).close();
    try {
      for (;;) openSync('/dev/null');
    } catch {}
    for (const call of [() => FileMapping.open('none'), () => FileMapping.create('none', 1)]) {
      try {
        call();
      } catch ({ code, message }) {
        console.log(code, message.includes('/none'), message.includes('dllmemfilemap.'));
      }
    }`);
  const { status, stdout } = spawnSync('sh', ['-c', 'ulimit -n 64; exec "$0" "$@"', ...node], { encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'ERROR_TOO_MANY_OPEN_FILES false false\n'.repeat(2) });
});

test.skipIf(onWindows)(
  'What a program prints that was started without a standard output is not in the memory (POSIX)',
  async () => {
    const holder = await Peer.start('C++', 'dll');
    const { status } = spawnSync('sh', ['-c', '"$0" true >&-', programPath('parent')]);
    expect(status).toBe(0);
    expect(await holder.get()).toBe('This is a test string');
    expect(await (await Peer.start('Node', 'dll')).get()).toBe('This is a test string');
  },
);

test.skipIf(onWindows)(
  'A lack of descriptors leaves nothing where the only free one is a standard one (POSIX)',
  async () => {
    const before = sharedFiles();
    const peer = await startBy('ulimit -n 16; exec 2>&-;', 'C++');
    let count = 0;
    while ((await peer.create(freeName(), PAGE)) === 'ok created') count++;
    expect(count).toBeGreaterThan(3);
    for (let i = 0; i < 3; i++) expect(await peer.create(freeName(), PAGE)).toBe('error 4');
    expect(sharedFiles()).toHaveLength(before.length + count);
  },
);

test.skipIf(!onLinux || !canRunAsOthers)(
  'What a process leaves as the user that it became is swept by the next process of that user (on Linux alone, and not ' +
    'without root)',
  async () => {
    const other = { uid: 12345, gid: 12345 };
    const keeper = await Peer.start('C++', 'mapping', other); // of that user's register
    expect(await keeper.open(freeName())).toBe(NOT_FOUND);
    const before = sharedFiles();
    const { signal } = runInNode(`
      FileMapping.create('${freeName()}', 1);
      process.seteuid(${other.uid});
      FileMapping.create('${freeName()}', 1);
      process.kill(process.pid, 'SIGKILL');`);
    expect(signal).toBe('SIGKILL');
    expect(sharedFiles().length).toBe(before.length + 2);
    expect(await (await Peer.start('C++', 'mapping', other)).open(freeName())).toBe(NOT_FOUND);
    expect(sharedFiles().length).toBe(before.length + 1);
    expect(await (await start('C++')).open(freeName())).toBe(NOT_FOUND);
    expect(sharedFiles()).toEqual(before);
  },
);

test.skipIf(!onLinux || !canRunAsOthers)(
  'What a process can no longer remove is swept by the next process (on Linux alone, and not without root)',
  async () => {
    expect(await (await start('C++')).open(freeName())).toBe(NOT_FOUND); // which keeps the register
    const before = sharedFiles();
    const { status } = runInNode(`
      FileMapping.create('${freeName()}', 1);
      process.setuid(12345);`);
    expect(status).toBe(0);
    expect(sharedFiles().length).toBe(before.length + 1);
    expect(await (await start('C++')).open(freeName())).toBe(NOT_FOUND);
    expect(sharedFiles()).toEqual(before);
  },
);

test.skipIf(!onLinux || !canRunAsOthers)(
  'A process may become another user any number of times (on Linux alone, and not without root)',
  async () => {
    const node = nodeRunning(`
      for (let i = 0; i < 200; i++) {
        process.seteuid(i % 2 === 0 ? 12345 : 0);
        FileMapping.create('${freeName()}', 1).close();
      }`);
    expect(spawnSync('sh', ['-c', 'ulimit -n 64; exec "$0" "$@"', ...node]).status).toBe(0);
  },
);

test.skipIf(!onLinux || !canRunAsOthers)(
  'A umask that takes the rights of the owner leaves nothing that the next process of that user does not sweep ' +
    '(on Linux alone, and not without root)',
  async () => {
    const user = { uid: 12_345, gid: 12_345 };
    const sweep = async () => {
      const peer = await Peer.start('C++', 'mapping', user);
      expect(await peer.open(freeName())).toBe(NOT_FOUND);
    };
    await sweep();
    const before = sharedFiles();
    const shell = ['-c', 'umask 0777; exec "$0" "$@"', ...Peer.commandLine('C++', 'mapping')];
    const creator = await Peer.run('sh', shell, { ...user, env: stopIn('fchmod:1') });
    expect(await creator.create(freeName(), PAGE)).toBe('stopped in fchmod');
    await untilStopped(creator.process.pid as number);
    await creator.kill();
    expect(sharedFiles()).toHaveLength(before.length + 1);
    await sweep();
    expect(sharedFiles()).toEqual(before);
  },
);

test.skipIf(!onLinux)(
  'LoadLibraryW does not look at a file of the current folder that the dynamic linker does not look at (on Linux alone)',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'dllmemfilemap-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    spawnSync('mkfifo', [join(folder, 'plugin.so')]);
    writeFileSync(join(folder, 'text.so'), 'no library at all, and longer than a header');
    const source = `
      import { kernel32 } from ${JSON.stringify(new URL('../../../dist/win32/kernel32.js', import.meta.url))};
      const { GetLastError, LoadLibraryW } = kernel32();
      for (const name of ['plugin.so', 'text.so', './text.so']) console.log(LoadLibraryW(name), GetLastError());`;
    const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 20_000,
    });
    // ERROR_MOD_NOT_FOUND, and ERROR_BAD_EXE_FORMAT
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'null 126\nnull 126\nnull 193\n' });
  },
);

test.skipIf(onWindows)(
  'LocalFree frees nothing but a security descriptor (not on Windows, where it would crash)',
  () => {
    for (const address of [16n, 0x7fff_ffff_fff0n]) {
      expect([security().LocalFree(address), kernel32().GetLastError()]).toEqual([address, 6]);
    }
  },
);

test.skipIf(onWindows).each([
  ['a program apart from its command line', { lpApplicationName: Buffer.from('true\0', 'utf16le') }, 50],
  ['flags', { dwCreationFlags: 16 }, 50],
  ['an environment', { lpEnvironment: Buffer.alloc(4) }, 50],
  ['a folder', { lpCurrentDirectory: Buffer.from('/\0', 'utf16le') }, 50],
  ['no command line', { lpCommandLine: null }, 87],
  ['nowhere for the handles', { lpProcessInformation: null }, 87],
])('CreateProcessW with %s is refused (not on Windows, which takes them, or knows other errors)', (_, given, error) => {
  const { CreateProcessW, GetLastError, sizeOf } = kernel32();
  const all = {
    ...{ lpApplicationName: null, lpCommandLine: Buffer.from('true\0', 'utf16le') },
    ...{ dwCreationFlags: 0, lpEnvironment: null, lpCurrentDirectory: null, lpProcessInformation: {} },
    ...given,
  };
  const result = (CreateProcessW as (...args: unknown[]) => number)(
    ...[all.lpApplicationName, all.lpCommandLine, null, null, 1, all.dwCreationFlags, all.lpEnvironment],
    ...[all.lpCurrentDirectory, { cb: sizeOf.STARTUPINFOW }, all.lpProcessInformation],
  );
  expect([result, GetLastError()]).toEqual([0, error]);
});

describe.skipIf(!onLinux || !canRunAsOthers)(
  'CreateProcessW (on Linux alone, and not without root and programs that everyone may run: root has no such limit)',
  () => {
    /** Starts a process by a user who may have that many of them and threads. Nobody else is that user. */
    function startWith(tasks: number) {
      const user = 1_000_000 + process.pid;
      const { status, stdout, stderr } = spawnSync(
        'prlimit',
        [`--nproc=${tasks}`, programPath('starts_program'), 'echo started'],
        { uid: user, gid: user, encoding: 'utf8', timeout: 50_000 },
      );
      return { status, stdout, stderr };
    }

    test('starts a program with 3 of them to be had: its caller, its thread and the program', () => {
      expect(startWith(3)).toEqual({ status: 0, stdout: 'started\nok\n', stderr: '' });
    });

    test.each([
      [1, 'a thread'],
      [2, 'a process beside the thread that waits for it'],
    ])('with %i to be had, so without %s, is ERROR_NOT_ENOUGH_MEMORY and starts nothing', (tasks) => {
      expect(startWith(tasks)).toEqual({ status: 0, stdout: 'error 8\n', stderr: '' });
    });
  },
);

describe.skipIf(onWindows)('Text (not on Windows, which documents the same, as Wine converts it)', () => {
  test.each([
    ['MultiByteToWideChar', 'int MultiByteToWideChar(uint32_t, uint32_t, void *, int, void *, int)', []],
    [
      'WideCharToMultiByte',
      'int WideCharToMultiByte(uint32_t, uint32_t, void *, int, void *, int, void *, void *)',
      [null, null],
    ],
  ] as const)('%s into the memory of the text itself is ERROR_INVALID_PARAMETER', (_, prototype, rest) => {
    const library = koffi.load(kernel32Path());
    const memory = Buffer.from('a\0b\0');
    expect(library.func(prototype)(65001, 0, memory, 2, memory, 2, ...rest)).toBe(0);
    expect(library.func('uint32_t GetLastError()')()).toBe(87);
    expect(memory.toString()).toBe('a\0b\0');
  });
});

describe.skipIf(!onLinux)('The memory of a closed view (on Linux alone, where /proc lists what is mapped)', () => {
  test('is given back at once, and what a call in another thread still writes there changes nothing', () => {
    const script = fileURLToPath(new URL('../../fixture/closed-view.mjs', import.meta.url));
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', script], {
      encoding: 'utf8',
      timeout: 50_000,
    });
    const said = ['while it reads: rw-p', 'read: 4', 'then: none', 'the mapping has: 0,0,0,0', ''];
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: said.join('\n'), stderr: '' });
  });
});

describe.skipIf(!onLinux || !canRunAsOthers)(
  'A set-user-id program (on Linux alone, and not without root and programs that everyone may run)',
  () => {
    test('has the namespace of the user it belongs to, whatever its environment says', async () => {
      const [owner, caller] = [12_345, 23_456];
      const folder = mkdtempSync(join(dirname(programPath('setuid_peer')), 'setuid-'));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const program = join(folder, 'peer');
      copyFileSync(programPath('setuid_peer'), program);
      chmodSync(folder, 0o755);
      chownSync(program, owner, owner);
      chmodSync(program, 0o4755);
      const elsewhere = Object.fromEntries(
        ['HOME', 'TMPDIR', 'XDG_RUNTIME_DIR', 'LD_LIBRARY_PATH'].map((name) => [name, '/nowhere']),
      );
      const peer = await Peer.run(program, [], { uid: caller, gid: caller, env: elsewhere });
      const name = freeName();
      expect(await peer.create(name, PAGE)).toBe('ok created');
      const as = (uid: number) => Peer.start('C++', 'mapping', { uid, gid: uid });
      const ownersOwn = await as(owner);
      expect(await ownersOwn.open(name)).toBe('ok');
      expect(await (await as(caller)).open(name)).toBe(NOT_FOUND);
      // The file of what was killed stays until a process of that user comes.
      await peer.kill();
      await ownersOwn.kill();
      expect(await (await as(owner)).open(name)).toBe(NOT_FOUND);
    });
  },
);
