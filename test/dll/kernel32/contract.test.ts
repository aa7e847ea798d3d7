import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { platform } from 'node:process';
import { Worker } from 'node:worker_threads';
import { FileMapping, type Security } from 'dllmemfilemap';
import koffi from 'koffi';
import { describe, expect, onTestFinished, test } from 'vitest';
import { canRunAsOthers, LANGUAGES, type Language, Peer } from '../../peer.js';
import { fileMadeBy } from '../../shared-files.js';

const onWindows = platform === 'win32';

const PAGE = 4096;
const NOT_FOUND = 'error 2';
const DENIED = 'error 5';

const PAIRS = LANGUAGES.flatMap((first) => LANGUAGES.map((second) => [first, second] as const));

/** A name that nobody else has. */
const freeName = (prefix = '') => prefix + randomUUID();

/** Disposes of it when the test is over. */
function kept<T extends Disposable>(disposable: T): T {
  onTestFinished(() => disposable[Symbol.dispose]());
  return disposable;
}

const start = (language: Language) => Peer.start(language, 'mapping');

/** Whether a new process finds the name free, and the memory that it gets zeroed. */
async function expectFree(name: string, size = PAGE): Promise<void> {
  const next = await start('C++');
  expect(await next.open(name)).toBe(NOT_FOUND);
  expect(await next.create(name, size)).toBe('ok created');
  using mapping = FileMapping.open(name, { access: 'read' });
  using view = mapping.mapView();
  expect(view.snapshot().every((byte) => byte === 0)).toBe(true);
  await next.end();
}

describe('1. CreateFileMapping', () => {
  test.each(PAIRS)(
    'by %s opens what %s created, of whatever size, and leaves it as it is',
    async (joining, creating) => {
      const name = freeName();
      const [creator, joiner] = await Promise.all([start(creating), start(joining)]);
      expect(await creator.create(name, 2 * PAGE)).toBe('ok created');
      expect(await creator.ask('read 0')).toBe('ok 0');
      await creator.ask(`write ${2 * PAGE - 1} 77`);
      for (const size of [1, 100 * PAGE]) {
        expect(await joiner.create(name, size)).toBe('ok opened');
        expect(await joiner.ask(`read ${2 * PAGE - 1}`)).toBe('ok 77');
      }
      using mapping = FileMapping.open(name);
      expect(mapping.size).toBe(2 * PAGE);
    },
  );
});

describe('2. A name', () => {
  test.each(PAIRS)('lives until the last of its holders, %s and %s, closes it', async (first, second) => {
    const name = freeName();
    const [a, b] = await Promise.all([start(first), start(second)]);
    await a.create(name, PAGE);
    await a.ask('write 0 1');
    expect(await b.open(name)).toBe('ok');
    await a.ask('unmap');
    await a.ask('close');
    const c = await start('C++');
    expect(await c.open(name)).toBe('ok');
    expect(await c.ask('read 0')).toBe('ok 1');
    await c.end();
    await b.ask('unmap');
    await b.ask('close');
    await expectFree(name);
  });

  describe.each(LANGUAGES)('whose only holder, a %s process,', (language) => {
    test('is killed, is free at once, and its memory zeroed', async () => {
      const name = freeName();
      const holder = await start(language);
      await holder.create(name, PAGE);
      await holder.ask('write 0 1');
      await holder.kill();
      expect([holder.process.exitCode, holder.process.signalCode]).toEqual([null, 'SIGKILL']);
      await expectFree(name);
    });

    test('ends without closing it, is free at once, and its memory zeroed', async () => {
      const name = freeName();
      const holder = await start(language);
      await holder.create(name, PAGE);
      await holder.ask('write 0 1');
      expect(await holder.end()).toBe(0);
      await expectFree(name);
    });
  });

  test.each(PAIRS)('that %s created lives on with %s when its creator is killed', async (creating, other) => {
    const name = freeName();
    const [creator, holder] = await Promise.all([start(creating), start(other)]);
    await creator.create(name, PAGE);
    await creator.ask('write 5 55');
    await holder.open(name);
    await creator.kill();
    const next = await start(creating);
    expect(await next.create(name, PAGE)).toBe('ok opened');
    expect(await next.ask('read 5')).toBe('ok 55');
    await next.kill();
    await holder.kill();
    await expectFree(name);
  });

  test('is not held by a process that its holder started in the meantime', async () => {
    const name = freeName();
    const mapping = kept(FileMapping.create(name, PAGE));
    const children = await Promise.all(LANGUAGES.map(start));
    mapping.close();
    await expectFree(name);
    expect(children.map((child) => child.process.exitCode)).toEqual([null, null]);
  });

  test('has two handles in one process, of which each counts', async () => {
    const name = freeName();
    const first = kept(FileMapping.create(name, PAGE));
    const second = kept(FileMapping.open(name, { access: 'read' }));
    first.close();
    kept(FileMapping.open(name)).close();
    second.close();
    await expectFree(name);
  });

  test('that 100 processes come to and leave, each killed at a random moment, is free afterwards', async () => {
    const name = freeName();
    for (let wave = 0; wave < 10; wave++) {
      const peers = (
        await Promise.all([Peer.startAll(8, 'C++', 'mapping'), Peer.startAll(2, 'Node', 'mapping')])
      ).flat();
      expect(await Promise.all(peers.map((peer, i) => peer.churn(name, PAGE, i)))).toEqual(peers.map(() => 'ok'));
      for (const peer of peers.sort(() => Math.random() - 0.5)) {
        await peer.kill();
        // It would have said if what it wrote had been lost, or if it had been given memory of another object.
        expect(await peer.unasked()).toEqual([]);
      }
      await expectFree(name);
    }
  }, 300_000);
});

describe('3. A view', () => {
  test.each(LANGUAGES)(
    'of a %s process keeps the memory when the handle is closed and the name is free',
    async (language) => {
      const name = freeName();
      const holder = await start(language);
      await holder.create(name, PAGE);
      await holder.ask('write 0 33');
      expect(await holder.ask('close')).toBe('ok');
      expect(await holder.ask('read 0')).toBe('ok 33');
      const next = await start('C++');
      expect(await next.open(name)).toBe(NOT_FOUND);
      expect(await next.create(name, PAGE)).toBe('ok created');
      expect(await next.ask('read 0')).toBe('ok 0');
      await next.ask('write 0 44');
      expect(await holder.ask('read 0')).toBe('ok 33');
      await holder.ask('write 0 34');
      expect(await next.ask('read 0')).toBe('ok 44');
      expect(await holder.ask('read 0')).toBe('ok 34');
    },
  );
});

describe('4. Of 8 processes of both languages that create one name at the same moment', () => {
  test('exactly one is the first, and none loses what it wrote', async () => {
    const peers = (await Promise.all(LANGUAGES.map((language) => Peer.startAll(4, language, 'mapping')))).flat();
    for (let round = 0; round < 20; round++) {
      const name = freeName(round % 2 === 0 ? 'Global\\' : '');
      const created = await Promise.all(
        peers.map(async (peer, i) => {
          const answer = await peer.create(name, 100_000);
          expect(await peer.ask('read 99999')).toBe('ok 0');
          await peer.ask(`write ${i} ${i + 1}`);
          return answer;
        }),
      );
      expect(created.sort()).toEqual(['ok created', ...Array(7).fill('ok opened')]);
      for (const peer of peers) {
        const read = peers.map((_, i) => `read ${i}`);
        const bytes: string[] = [];
        for (const command of read) bytes.push(await peer.ask(command));
        expect(bytes).toEqual(peers.map((_, i) => `ok ${i + 1}`));
      }
      await Promise.all(
        peers.map(async (peer) => {
          expect(await peer.ask('unmap')).toBe('ok');
          expect(await peer.ask('close')).toBe('ok');
        }),
      );
      expect(await (peers[round % 8] as Peer).open(name)).toBe(NOT_FOUND);
    }
  });
});

const ERROR_PATH_NOT_FOUND = 3;
const ERROR_INVALID_HANDLE = 6;
const ERROR_INVALID_NAME = 123;
const ERROR_BAD_PATHNAME = 161;

const INVALID_NAMES: Readonly<Record<string, number>> = {
  'a\\b': ERROR_PATH_NOT_FOUND,
  'a\\': ERROR_PATH_NOT_FOUND,
  'Local\\a\\b': ERROR_PATH_NOT_FOUND,
  'Global\\a\\b': ERROR_PATH_NOT_FOUND,
  // Not prefixes: they are written otherwise.
  'local\\a': ERROR_PATH_NOT_FOUND,
  'GLOBAL\\a': ERROR_PATH_NOT_FOUND,
  'Local\\': ERROR_INVALID_NAME,
  'Global\\': ERROR_INVALID_NAME,
  '\\': ERROR_BAD_PATHNAME,
  '\\a': ERROR_BAD_PATHNAME,
  '\\Local\\a': ERROR_BAD_PATHNAME,
  Local: ERROR_INVALID_HANDLE,
  Global: ERROR_INVALID_HANDLE,
};

const STRANGE_NAMES: readonly string[] = [
  ...['/', '.', '..', '../..', '/etc/passwd', '%', '%s%n%x', ' ', 'trailing ', 'trailing.', 'NUL', 'a:b', '*?"<>|'],
  ...['\n', '\t\x01', '~', '$rFactor2SMMP_Telemetry$', 'ünï', 'u\u0308ni', '日本', '😀', '\uffff', '\ufffd'],
  ...['\ud83d', '\ude00\ud83d', '\ude00', 'Locale', 'Global.x', 'local', 'GLOBAL'],
];

describe('5. The name', () => {
  test.each(PAIRS)('without a prefix is the one with Local\\, for %s and %s', async (first, second) => {
    const name = freeName();
    const [a, b] = await Promise.all([start(first), start(second)]);
    expect(await a.create(name, PAGE)).toBe('ok created');
    await a.ask('write 0 5');
    expect(await b.open(`Local\\${name}`)).toBe('ok');
    expect(await b.ask('read 0')).toBe('ok 5');
  });

  test.each(PAIRS)('with Global\\ is another than that, for %s and %s', async (first, second) => {
    const name = freeName();
    const [a, b] = await Promise.all([start(first), start(second)]);
    expect(await a.create(name, PAGE)).toBe('ok created');
    expect(await b.open(`Global\\${name}`)).toBe(NOT_FOUND);
    expect(await b.create(`Global\\${name}`, PAGE)).toBe('ok created');
    await b.ask('write 0 5');
    expect(await a.ask('read 0')).toBe('ok 0');
    expect(await a.open(`Global\\${name}`)).toBe('ok');
    expect(await a.ask('read 0')).toBe('ok 5');
  });

  describe.each(LANGUAGES)('in a %s process', (language) => {
    test('counts upper and lower case as different', async () => {
      const name = `Case ${freeName()}`;
      kept(FileMapping.create(name, PAGE));
      const peer = await start(language);
      expect(await peer.open(name.toLowerCase())).toBe(NOT_FOUND);
      expect(await peer.open(name.toUpperCase())).toBe(NOT_FOUND);
      expect(await peer.open(name)).toBe('ok');
    });

    test('is an error where it cannot be one', async () => {
      const peer = await start(language);
      const answers: Record<string, readonly string[]> = {};
      for (const name of Object.keys(INVALID_NAMES)) {
        answers[name] = [await peer.create(name, PAGE), await peer.open(name)];
      }
      expect(answers).toEqual(
        Object.fromEntries(
          Object.entries(INVALID_NAMES).map(([name, errno]) => [name, Array(2).fill(`error ${errno}`)]),
        ),
      );
    });

    test('may hold any other character', async () => {
      const peer = await start(language);
      for (const name of STRANGE_NAMES.flatMap((each) => [each, `Global\\${each}`])) {
        using mapping = FileMapping.create(name, PAGE, { exclusive: true });
        using view = mapping.mapView();
        expect(await peer.open(name), name).toBe('ok');
        await peer.ask('write 0 9');
        expect(view.bytes[0], name).toBe(9);
        await peer.ask('unmap');
        await peer.ask('close');
      }
    });

    test('is another with every other character', async () => {
      const peer = await start(language);
      for (const name of STRANGE_NAMES) {
        expect(await peer.create(name, PAGE), name).toBe('ok created');
      }
    });

    test('may have 260 characters, of which the last counts too', async () => {
      const name = freeName().padEnd(259, '😀');
      kept(FileMapping.create(`${name}a`, PAGE));
      const peer = await start(language);
      expect(await peer.open(`${name}b`)).toBe(NOT_FOUND);
      expect(await peer.open(`${name}a`)).toBe('ok');
    });
  });

  test.skipIf(onWindows)(
    'of 261 characters is ERROR_FILENAME_EXCED_RANGE in C++ (on Windows it is valid)',
    async () => {
      const peer = await start('C++');
      expect(await peer.create('x'.repeat(261), PAGE)).toBe('error 206');
      expect(await peer.open('x'.repeat(261))).toBe('error 206');
    },
  );
});

describe.skipIf(!canRunAsOthers)(
  "6. Another user's process (not on Windows, and not without root and programs that everyone may run)",
  () => {
    const startAs = (uid: number, language: Language) => Peer.start(language, 'mapping', { uid, gid: uid });
    const make = (name: string, security: Security) => {
      const mapping = kept(FileMapping.create(name, PAGE, { security }));
      return { mapping, view: kept(mapping.mapView()) };
    };

    test.each([
      ['user', DENIED],
      ['everyone-read', 'ok to read'],
      ['everyone-read-write', 'ok to write'],
    ] as const)('with MAXIMUM_ALLOWED and security %s gets: %s', async (security, answer) => {
      const name = freeName('Global\\');
      const { view } = make(name, security);
      view.bytes[0] = 6;
      const other = await startAs(12_345, 'C++');
      expect(await other.openForMost(name)).toBe(answer);
      if (answer !== DENIED) expect(await other.ask('read 0')).toBe('ok 6');
    });

    describe.each(LANGUAGES)('in %s', (language) => {
      test('gets ERROR_ACCESS_DENIED for an object of default security', async () => {
        const name = freeName('Global\\');
        const { view } = make(name, 'user');
        const other = await startAs(12_345, language);
        expect(await other.open(name, 'read')).toBe(DENIED);
        expect(await other.open(name, 'write')).toBe(DENIED);
        expect(await other.create(name, PAGE)).toBe(DENIED);
        expect(view.readString()).toBe('');
      });

      test('reads, and does not write, an object that everyone may read', async () => {
        const name = freeName('Global\\');
        const { view } = make(name, 'everyone-read');
        view.bytes[0] = 6;
        const other = await startAs(12_345, language);
        expect(await other.open(name, 'write')).toBe(DENIED);
        expect(await other.create(name, PAGE)).toBe(DENIED);
        expect(await other.open(name, 'read')).toBe('ok');
        expect(await other.ask('read 0')).toBe('ok 6');
      });

      test('reads and writes an object that everyone may', async () => {
        const name = freeName('Global\\');
        const { view } = make(name, 'everyone-read-write');
        const other = await startAs(12_345, language);
        expect(await other.create(name, PAGE)).toBe('ok opened');
        await other.ask('write 0 6');
        expect(view.bytes[0]).toBe(6);
        expect(await other.open(name, 'write')).toBe('ok');
        expect(await other.ask('read 0')).toBe('ok 6');
      });

      test('keeps an object alive that it only reads', async () => {
        const name = freeName('Global\\');
        const { mapping, view } = make(name, 'everyone-read');
        view.bytes[0] = 6;
        const reader = await startAs(12_345, language);
        expect(await reader.open(name, 'read')).toBe('ok');
        mapping.close();
        const third = await startAs(54_321, language);
        expect(await third.open(name, 'read')).toBe('ok');
        expect(await third.ask('read 0')).toBe('ok 6');
        await third.end();
        await reader.kill();
        const fourth = await startAs(54_321, language);
        expect(await fourth.open(name, 'read')).toBe(NOT_FOUND);
        await expectFree(name);
      });

      test('has a namespace of its own', async () => {
        const name = freeName();
        const { view } = make(name, 'everyone-read-write');
        const other = await startAs(12_345, language);
        expect(await other.open(name)).toBe(NOT_FOUND);
        expect(await other.create(name, PAGE)).toBe('ok created');
        await other.ask('write 0 6');
        expect(view.bytes[0]).toBe(0);
        const third = await startAs(54_321, language);
        expect(await third.open(name)).toBe(NOT_FOUND);
        // What it left if it were killed would stay until a process of that user comes.
        await other.end();
      });

      test('has nothing that root may not open', async () => {
        const name = freeName('Global\\');
        const other = await startAs(12_345, language);
        expect(await other.create(name, PAGE)).toBe('ok created');
        await other.ask('write 0 6');
        const mapping = kept(FileMapping.open(name));
        expect(kept(mapping.mapView()).bytes[0]).toBe(6);
      });
    });
  },
);

const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);

describe('6. The security of an object is what was asked for:', () => {
  const options: readonly [Exclude<Security, object> | undefined, string, string | undefined][] = [
    [undefined, '600', undefined],
    ['user', '600', undefined],
    ['everyone-read', '644', 'read'],
    ['everyone-read-write', '666', 'read and write'],
  ];
  const optionsOf = (security: Security | undefined) => (security === undefined ? {} : { security });

  test.skipIf(onWindows).each(options)('%s is the mode %s (POSIX)', async (security, mode) => {
    for (const prefix of ['', 'Global\\']) {
      const create = () => kept(FileMapping.create(freeName(prefix), PAGE, optionsOf(security)));
      expect(modeOf(await fileMadeBy(create))).toBe(mode);
    }
  });

  test.skipIf(onWindows)('an access-control list that is null lets everyone do everything (POSIX)', async () => {
    const peer = await Peer.start('C++', 'mapping');
    const create = () => peer.create(freeName('Global\\'), PAGE, 'everyone-read-write');
    expect(modeOf(await fileMadeBy(create))).toBe('666');
  });

  test.skipIf(onWindows).each(['000', '077', '777'])(
    'the umask %s of the creator adds nothing and takes nothing away (POSIX)',
    async (umask) => {
      const shell = ['-c', `umask ${umask}; exec "$0" "$@"`, ...Peer.commandLine('Node', 'mapping')];
      for (const [security, mode] of options) {
        const peer = await Peer.run('sh', shell);
        expect(modeOf(await fileMadeBy(() => peer.create(freeName('Global\\'), PAGE, security)))).toBe(mode);
      }
    },
  );

  test.skipIf(!onWindows).each(options)(
    '%s (mode %s elsewhere) lets everyone do: %s (Windows)',
    (security, _mode, everyone) => {
      const name = freeName();
      kept(FileMapping.create(name, PAGE, optionsOf(security)));
      expect(rightsIn(sddlOf(name)).WD).toBe(everyone);
    },
  );

  test.skipIf(!onWindows)('an SDDL string is the list itself (Windows)', () => {
    const name = freeName();
    kept(FileMapping.create(name, PAGE, { security: { sddl: 'D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GR;;;WD)' } }));
    expect(rightsIn(sddlOf(name))).toEqual({ SY: 'read and write', BA: 'read and write', WD: 'read' });
  });
});

/** Reads an object's access-control list off the system. */
function sddlOf(name: string): string {
  const READ_CONTROL = 0x20000;
  const SE_KERNEL_OBJECT = 6;
  const DACL_SECURITY_INFORMATION = 4;
  const kernel32 = koffi.load('kernel32.dll');
  const advapi32 = koffi.load('advapi32.dll');
  const openFileMapping = kernel32.func('void *__stdcall OpenFileMappingW(uint32_t access, int inherit, str16 name)');
  const closeHandle = kernel32.func('int __stdcall CloseHandle(void *handle)');
  const localFree = kernel32.func('void *__stdcall LocalFree(void *memory)');
  const getSecurityInfo = advapi32.func(
    'uint32_t __stdcall GetSecurityInfo(void *handle, int type, uint32_t information, void *owner, void *group, ' +
      'void *dacl, void *sacl, _Out_ void **descriptor)',
  );
  const convert = advapi32.func(
    'int __stdcall ConvertSecurityDescriptorToStringSecurityDescriptorW(void *descriptor, uint32_t revision, ' +
      'uint32_t information, _Out_ void **text, void *length)',
  );
  const handle = openFileMapping(READ_CONTROL, 0, name);
  const descriptor = [null];
  expect(getSecurityInfo(handle, SE_KERNEL_OBJECT, DACL_SECURITY_INFORMATION, null, null, null, null, descriptor)).toBe(
    0,
  );
  const text = [null];
  expect(convert(descriptor[0], 1, DACL_SECURITY_INFORMATION, text, null)).toBeTruthy();
  const sddl = koffi.decode(text[0], 'char16_t', -1) as string;
  localFree(text[0]);
  localFree(descriptor[0]);
  closeHandle(handle);
  return sddl;
}

/** What an SDDL string lets whom do with a file mapping; the system may have put its own rights for the generic ones. */
function rightsIn(sddl: string): Record<string, string> {
  const reading = ['GA', 'GR', 'LC'];
  const writing = ['GA', 'GW', 'DC'];
  const rights: Record<string, string> = {};
  for (const [, letters = '', who = ''] of sddl.matchAll(/\(A;;([A-Z]+);;;([^)]+)\)/g)) {
    const allowed: readonly string[] = letters.match(/../g) ?? [];
    rights[who] = [
      ...(reading.some((right) => allowed.includes(right)) ? ['read'] : []),
      ...(writing.some((right) => allowed.includes(right)) ? ['write'] : []),
    ].join(' and ');
  }
  return rights;
}

describe('7. Memory is committed when the object is created:', () => {
  test.each(LANGUAGES)('a size that no machine has is ERROR_NOT_ENOUGH_MEMORY then, in %s', async (language) => {
    const peer = await start(language);
    expect(await peer.create(freeName(), 2 ** 52)).toBe('error 8');
    expect(await peer.create(freeName(), PAGE)).toBe('ok created');
  });
});

describe('9. The calls', () => {
  test('may come from any thread: several that come to one name and leave it take nothing from each other', async () => {
    const name = freeName();
    const script = new URL('../../fixture/churning-thread.mjs', import.meta.url);
    const results = Array.from({ length: 4 }, async (_, i) => {
      const worker = new Worker(script, { workerData: { name, offset: i * 100 } });
      const [[said]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
      return said;
    });
    expect(await Promise.all(results)).toEqual(['ok', 'ok', 'ok', 'ok']);
    await expectFree(name);
  });
});
