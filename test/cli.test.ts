import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { FileMapping, getSharedMem, setSharedMem, unloadSharedMem } from '../dist/index.js';
import { dllPath, kernel32Path, programPath } from '../dist/native-library.js';
import { occupyName } from './occupied-name.js';
import { copyPackage, turnIntoArm64 } from './package-copy.js';
import { canRunAsOthers, Peer } from './peer.js';
import { hasTerminal, Terminal } from './terminal.js';

// That parent, child, first-process and second-process print what the C++ programs print is in samples.test.ts.

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const onWindows = process.platform === 'win32';

const COMMANDS = [
  ...['set', 'get', 'hold', 'watch', 'dump', 'doctor'],
  ...['parent', 'child', 'first-process', 'second-process', 'help'],
];

interface RunOptions {
  readonly input?: string | Buffer;
  /** The built package to run. */
  readonly dist?: string;
  /** Who runs it, if not this user. */
  readonly uid?: number;
}

/** Runs the command to its end. */
function run(args: readonly string[], { dist = DIST, ...options }: RunOptions = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(dist, 'cli.js'), ...args], {
    ...options,
    encoding: 'utf8',
    timeout: 50_000,
    maxBuffer: 2 ** 26,
  });
  return { status, stdout, stderr };
}

/** The command while it runs. It is killed when the test is over. */
class Running {
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: AsyncIterator<string>;
  readonly #stderr: Promise<string>;
  readonly #ended: Promise<unknown[]>;

  constructor(...args: readonly string[]) {
    this.process = spawn(process.execPath, [join(DIST, 'cli.js'), ...args], { stdio: 'pipe' });
    this.#lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
    this.#stderr = textOf(this.process.stderr);
    this.#ended = once(this.process, 'exit');
    onTestFinished(async () => {
      this.process.kill('SIGKILL');
      await this.#ended;
    });
  }

  /** The next line that it prints; `undefined` if it has printed the last. */
  async line(): Promise<string | undefined> {
    const { value, done } = await this.#lines.next();
    return done ? undefined : value;
  }

  /** The next lines, up to an empty one. */
  async block(): Promise<string[]> {
    const lines: string[] = [];
    for (let line = await this.line(); line; line = await this.line()) lines.push(line);
    return lines;
  }

  /** Waits until it has ended. */
  async end() {
    const [code, signal] = await this.#ended;
    return { code, signal, stderr: await this.#stderr };
  }
}

const isThere = (name: string) => {
  try {
    FileMapping.open(name, { access: 'read' }).close();
    return true;
  } catch {
    return false;
  }
};

/** A section with something in it, for as long as the test runs. */
function makeSection(name: string, size: number, bytes: Uint8Array = new Uint8Array(0)) {
  const mapping = FileMapping.create(name, size, { exclusive: true });
  const view = mapping.mapView();
  onTestFinished(() => {
    view.close();
    mapping.close();
  });
  view.bytes.set(bytes);
  return view.bytes;
}

const wellEnded = { status: 0, stderr: '' };
const ENDED_WITH_IT =
  'No other process holds the shared memory, so the text ended with this command. ' +
  'To keep it, run "dllmemfilemap hold" in another terminal first, or use "set --hold".\n';
const NAME = 'Local\\cli.test';

afterEach(() => unloadSharedMem());

describe('dllmemfilemap', () => {
  test('--version prints the version of the package', () => {
    expect(run(['--version'])).toEqual({ ...wellEnded, stdout: `${version}\n` });
  });

  test.each([['--help'], ['help']])('%s prints every command', (...args) => {
    const { stdout, ...rest } = run(args);
    expect(rest).toEqual(wellEnded);
    const listed = [...stdout.matchAll(/^ {2}([a-z][a-z-]+) /gm)].map(([, name]) => name);
    expect(listed.sort()).toEqual([...COMMANDS].sort());
  });

  test.each(COMMANDS)('help %s, and --help behind it, print how it is used', (command) => {
    const { stdout, ...rest } = run(['help', command]);
    expect(rest).toEqual(wellEnded);
    expect(stdout).toMatch(`Usage: dllmemfilemap ${command} `);
    expect(run([command, '--help']).stdout).toBe(stdout);
  });

  test('without a command prints the help on stderr, and exits with 2', () => {
    const { status, stdout, stderr } = run([]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch('Usage: dllmemfilemap');
  });

  test.each([
    ['an unknown command', ['gett'], "unknown command 'gett' (Did you mean get?)"],
    ['help for an unknown command', ['help', 'gett'], "unknown command 'gett'"],
    ['an unknown option', ['set', '--hlod', 'x'], "unknown option '--hlod' (Did you mean --hold?)"],
    ['a missing TEXT', ['set'], "missing required argument 'text'"],
    ['two texts', ['set', 'a', 'b'], "too many arguments for 'set'. Expected 1 argument but got 2."],
    ['no interval', ['watch', '--interval'], "option '--interval <ms>' argument missing"],
    ['an interval of 0', ['watch', '--interval', '0'], 'from 1 to 2147483647'],
    ['an interval of more than a timer takes', ['watch', '--interval', '2147483648'], 'from 1 to 2147483647'],
    ['an interval that is no number', ['dump', '--follow', '--interval', '1e3'], 'from 1 to 2147483647'],
    ['a negative offset', ['dump', '--offset', '-1'], 'a whole number of bytes'],
    ['a length that is no number', ['dump', '--length', 'all'], 'a whole number of bytes'],
    ['a text of 2048 characters', ['set', 'x'.repeat(2048)], 'at most 2047 characters: it has 2048'],
    ['a name of 261 characters', ['dump', 'x'.repeat(261)], 'at most 260 characters'],
  ])('says in one line what is wrong with %s, and exits with 2', (_, args, message) => {
    const { status, stdout, stderr } = run(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(stderr).toContain(message);
  });

  test.each([
    [['--help']],
    [['get']],
    [['hold']],
    [['set', '--hold', 'x']],
    [['dump', NAME]],
    [['dump', '--json', NAME]],
    [['dump', '--follow', NAME]],
    [['doctor']],
    [['child']],
    [['parent', 'no-such-program']],
  ])('%j ends quietly when nobody reads its output', async (args) => {
    makeSection(NAME, 2 ** 20);
    const running = new Running(...args);
    running.process.stdout.destroy();
    expect(await running.end()).toMatchObject({ signal: null, stderr: '' });
  });

  test('watch ends quietly when its output is no longer read, as behind "| head -1"', async () => {
    setSharedMem('one');
    const running = new Running('watch');
    expect(await running.line()).toBe('one');
    running.process.stdout.destroy();
    setSharedMem('two');
    expect(await running.end()).toEqual({ code: 0, signal: null, stderr: '' });
  });

  test('dump ends quietly when only its first line is read', async () => {
    makeSection(NAME, 2 ** 22);
    const running = new Running('dump', NAME);
    expect(await running.line()).toMatch('00000000: 0000');
    running.process.stdout.destroy();
    expect(await running.end()).toEqual({ code: 0, signal: null, stderr: '' });
  });

  // On Windows, to end another process is to terminate it: there are no signals.
  describe.each(['SIGINT', 'SIGTERM'] as const)('ends quietly at %s', (signal) => {
    test.each([
      ['hold', []],
      ['hold', ['--json']],
      ['set', ['--hold', 'held']],
      ['watch', []],
      ['dump', ['--follow']],
      ['dump', ['--follow', '--json']],
    ])('%s %j, and holds nothing any more', async (command, args) => {
      setSharedMem('there');
      const running = new Running(command, ...args);
      expect(await running.line()).toBeDefined();
      unloadSharedMem();
      running.process.kill(signal);
      expect(await running.end()).toEqual({
        ...(onWindows ? { code: null, signal } : { code: 0, signal: null }),
        stderr: '',
      });
      expect(isThere('dllmemfilemap')).toBe(false);
    });
  });
});

describe('set', () => {
  test('writes the text for every process that holds the memory, and says nothing', async () => {
    const peer = await Peer.start('C++', 'dll');
    expect(run(['set', 'Grüße, 世界 😀'])).toEqual({ ...wellEnded, stdout: '' });
    expect(await peer.get()).toBe('Grüße, 世界 😀');
  });

  test.each([
    ['one line, without its end', 'a text\n', 'a text'],
    ['one line of Windows, without its end', 'a text\r\n', 'a text'],
    ['no more than one line end', 'a\nb\n\n', 'a\nb\n'],
    ['nothing', '', ''],
    ['2047 characters', '世'.repeat(2047), '世'.repeat(2047)],
  ])('reads stdin for "-": %s', (_, input, text) => {
    setSharedMem('before');
    expect(run(['set', '-'], { input })).toEqual({ ...wellEnded, stdout: '' });
    expect(getSharedMem()).toBe(text);
  });

  test.each([
    ['has too many characters', 'x'.repeat(2048), 'at most 2047 characters'],
    ['has far too many', 'x'.repeat(2 ** 20), 'at most 2047 characters'],
    ['is not UTF-8', Buffer.of(0x61, 0xff), 'must be UTF-8'],
    ['has U+0000 in it', 'a\0b', 'U+0000'],
  ])('refuses what %s, and leaves the memory as it was', (_, input, message) => {
    setSharedMem('before');
    const { status, stdout, stderr } = run(['set', '-'], { input });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(stderr).toContain(message);
    expect(getSharedMem()).toBe('before');
  });

  test('takes a text that begins with a hyphen behind --, and the empty text', () => {
    setSharedMem('before');
    expect(run(['set', '--', '--hold'])).toEqual({ ...wellEnded, stdout: '' });
    expect(getSharedMem()).toBe('--hold');
    expect(run(['set', ''])).toEqual({ ...wellEnded, stdout: '' });
    expect(getSharedMem()).toBe('');
  });

  test('says that the memory ends with it, and how to keep it, if no other process holds it', () => {
    expect(run(['set', 'x'])).toEqual({ status: 0, stdout: '', stderr: ENDED_WITH_IT });
    expect(isThere('dllmemfilemap')).toBe(false);
  });

  test('does not say that if a process only reads the memory, as that holds it too', () => {
    makeSection('dllmemfilemap', 4096);
    using _reader = FileMapping.open('dllmemfilemap', { access: 'read' });
    expect(run(['set', 'x'])).toEqual({ ...wellEnded, stdout: '' });
  });

  test('stays with --hold, says what it holds, and keeps the text', async () => {
    const running = new Running('set', '--hold', 'kept');
    expect(await running.line()).toBe(
      `Process ${running.process.pid} holds 'dllmemfilemap', 4096 bytes, which it made, with the text "kept". Ctrl+C ends it.`,
    );
    expect(run(['get'])).toEqual({ ...wellEnded, stdout: 'kept\n' });
    expect(run(['set', 'another'])).toEqual({ ...wellEnded, stdout: '' });
    expect(run(['get'])).toEqual({ ...wellEnded, stdout: 'another\n' });
  });
});

describe('get', () => {
  test('prints the text that another process wrote', async () => {
    const peer = await Peer.start('C++', 'dll');
    await peer.set('Grüße, 世界 😀\nand more');
    expect(run(['get'])).toEqual({ ...wellEnded, stdout: 'Grüße, 世界 😀\nand more\n' });
  });

  test('prints JSON, lone surrogates included', () => {
    setSharedMem('"a"\ud83d');
    expect(run(['get', '--json'])).toEqual({ ...wellEnded, stdout: '{"text":"\\"a\\"\\ud83d","held":true}\n' });
  });

  test('prints the empty text, and says why, if no process holds the memory', () => {
    const stderr = 'No process holds the shared memory, so there is no text.\n';
    expect(run(['get'])).toEqual({ status: 0, stdout: '\n', stderr });
    expect(run(['get', '--json'])).toEqual({ ...wellEnded, stdout: '{"text":"","held":false}\n' });
  });
});

describe('hold', () => {
  test('says what it holds, and keeps the text of writers that have ended', async () => {
    const running = new Running('hold');
    expect(await running.line()).toBe(
      `Process ${running.process.pid} holds 'dllmemfilemap', 4096 bytes, which it made, with the text "". Ctrl+C ends it.`,
    );
    expect(run(['set', 'kept'])).toEqual({ ...wellEnded, stdout: '' });
    expect(run(['get'])).toEqual({ ...wellEnded, stdout: 'kept\n' });
  });

  test('says whether it made the memory or found it, in JSON too, and shows no control characters', async () => {
    setSharedMem('a\n\x1b[31m\x9b\x7f');
    const text = new Running('hold');
    expect(await text.line()).toBe(
      `Process ${text.process.pid} holds 'dllmemfilemap', 4096 bytes, with the text "a\\n\\u001b[31m\\u009b\\u007f". ` +
        'Ctrl+C ends it.',
    );
    const json = new Running('hold', '--json');
    expect(JSON.parse((await json.line()) ?? '')).toEqual({
      name: 'dllmemfilemap',
      size: 4096,
      pid: json.process.pid,
      created: false,
      text: 'a\n\x1b[31m\x9b\x7f',
    });
  });
});

describe('watch', () => {
  test('prints the text that is there, and each that another program writes', async () => {
    const peer = await Peer.start('C++', 'dll');
    await peer.set('first');
    const running = new Running('watch', '--interval', '1');
    for (const text of ['first', 'Grüße, 世界 😀', '', 'last']) {
      await peer.set(text);
      expect(await running.line()).toBe(text);
    }
  });

  test('prints the text of a command that has already ended, as it holds the memory', async () => {
    const running = new Running('watch');
    await expect.poll(() => isThere('dllmemfilemap'), { timeout: 30_000 }).toBe(true);
    run(['set', 'from one that has ended']);
    expect(await running.line()).toBe('from one that has ended');
  });

  test('prints a line of JSON for each text', async () => {
    setSharedMem('two\nlines');
    const running = new Running('watch', '--json');
    expect(await running.line()).toBe('{"text":"two\\nlines"}');
    setSharedMem('');
    expect(await running.line()).toBe('{"text":""}');
  });
});

describe('dump', () => {
  const ROWS = [
    '00000000: 4700 7200 fc00 df00 6500 0000 0000 0000  G.r.....e.......',
    '00000010: 0000 0000 0000 0000 0000 0000 0000 0000  ................',
  ];

  test('prints the memory of the DLL, all of it, as xxd does', () => {
    setSharedMem('Grüße');
    const { stdout, ...rest } = run(['dump']);
    expect(rest).toEqual(wellEnded);
    const lines = stdout.split('\n');
    expect(lines.slice(0, 2)).toEqual(ROWS);
    expect(lines.slice(-2)).toEqual(['00000ff0: 0000 0000 0000 0000 0000 0000 0000 0000  ................', '']);
    expect(lines).toHaveLength(257);
  });

  test('prints every byte of any section by its name', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    makeSection(NAME, 4096, bytes);
    const { stdout } = run(['dump', NAME, '--length', '256']);
    expect(stdout.replaceAll(/^\w+: | {2}.*$|[ \n]/gm, '')).toBe(Buffer.from(bytes).toString('hex'));
    expect(stdout.replaceAll(/^.{51}|\n/gm, '')).toBe(
      String.fromCharCode(...bytes.map((byte) => (byte >= 0x20 && byte < 0x7f ? byte : 0x2e))),
    );
  });

  test('prints a part, the last row of which may be shorter', () => {
    makeSection(NAME, 4096, Buffer.from('0123456789abcdefghijklmnopqrstuvwxyz'));
    expect(run(['dump', NAME, '--offset', '0x0a', '--length', '19']).stdout).toBe(
      '0000000a: 6162 6364 6566 6768 696a 6b6c 6d6e 6f70  abcdefghijklmnop\n' +
        '0000001a: 7172 73                                  qrs\n',
    );
    expect(run(['dump', NAME, '--length', '0'])).toEqual({ ...wellEnded, stdout: '' });
  });

  test('prints a section that is larger than what is mapped at a time, across the border', () => {
    const bytes = makeSection(NAME, 2 ** 20 + 65_536);
    bytes.set(Buffer.from('across the border'), 2 ** 20 - 6);
    const { stdout } = run(['dump', NAME, '--offset', `${2 ** 20 - 16}`]);
    expect(stdout.split('\n').slice(0, 2)).toEqual([
      '000ffff0: 0000 0000 0000 0000 0000 6163 726f 7373  ..........across',
      '00100000: 2074 6865 2062 6f72 6465 7200 0000 0000   the border.....',
    ]);
    expect(stdout.split('\n')).toHaveLength(4096 + 2);
  });

  test('prints JSON', () => {
    makeSection(NAME, 4096, Buffer.from('abcdef'));
    expect(run(['dump', '--json', '--offset', '1', '--length', '3', NAME])).toEqual({
      ...wellEnded,
      stdout: `${JSON.stringify({ name: NAME, size: 4096, offset: 1, hex: '626364' })}\n`,
    });
  });

  test.each([
    ['does not exist', NAME, 'ERROR_FILE_NOT_FOUND'],
    ['cannot be one', 'a\\b', 'ERROR_PATH_NOT_FOUND'],
    ['would end the line', 'a\nb', 'ERROR_FILE_NOT_FOUND'],
  ])('says in one line that a name %s, and exits with 1', (_, name, code) => {
    for (const args of [[name], ['--follow', name]]) {
      const { status, stdout, stderr } = run(['dump', ...args]);
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).toMatch(/^error: [^\n]+\n$/);
      expect(stderr).toContain(code);
    }
  });

  test('refuses an offset that is not within the section, and exits with 2', () => {
    makeSection(NAME, 4096);
    expect(run(['dump', NAME, '--offset', '4096'])).toEqual({
      status: 2,
      stdout: '',
      stderr: `error: --offset must be below the size of '${NAME}', which is 4096: it is 4096\n`,
    });
  });

  test.skipIf(!onWindows)('needs no more than read access (here by a security descriptor, which Windows has)', () => {
    using mapping = FileMapping.create(NAME, 4096, { security: { sddl: 'D:(A;;GR;;;WD)' } });
    using view = mapping.mapView();
    view.writeString('read only');
    expect(() => FileMapping.open(NAME)).toThrow('ERROR_ACCESS_DENIED');
    expect(run(['dump', NAME, '--length', '4']).stdout).toBe(`00000000: 7200 6500${' '.repeat(32)}r.e.\n`);
  });

  const othersMayRun = run(['--version'], { uid: 12_345 }).status === 0;
  test.skipIf(!othersMayRun)(
    'needs no more than read access (here as another user, where this one may run that)',
    () => {
      const name = 'Global\\cli.test';
      using mapping = FileMapping.create(name, 4096, { security: 'everyone-read' });
      using view = mapping.mapView();
      view.writeString('read only');
      const { stdout, ...rest } = run(['dump', name, '--length', '4'], { uid: 12_345 });
      expect(rest).toEqual(wellEnded);
      expect(stdout).toBe(`00000000: 7200 6500${' '.repeat(32)}r.e.\n`);
    },
  );
});

describe('dump --follow', () => {
  test('prints the rows again when the memory has changed, with an asterisk where', async () => {
    const bytes = makeSection(NAME, 4096, Buffer.from('before'));
    const running = new Running('dump', NAME, '--follow', '--length', '32', '--interval', '1');
    const empty = '00000010: 0000 0000 0000 0000 0000 0000 0000 0000  ................';
    expect(await running.block()).toEqual([
      '00000000: 6265 666f 7265 0000 0000 0000 0000 0000  before..........',
      empty,
    ]);
    bytes[0] = 0x42;
    expect(await running.block()).toEqual([
      '00000000: 4265 666f 7265 0000 0000 0000 0000 0000  Before.......... *',
      empty,
    ]);
    bytes[31] = 0x21;
    expect(await running.block()).toEqual([
      '00000000: 4265 666f 7265 0000 0000 0000 0000 0000  Before..........',
      '00000010: 0000 0000 0000 0000 0000 0000 0000 0021  ...............! *',
    ]);
  });

  test('does not keep the name alive, says that it has gone, and shows who makes it anew', async () => {
    const writer = await Peer.start('C++', 'mapping');
    await writer.create(NAME, 4096);
    const running = new Running('dump', NAME, '--follow', '--length', '2', '--interval', '1');
    expect(await running.block()).toEqual([`00000000: 0000${' '.repeat(37)}..`]);
    await writer.kill();
    expect(await running.block()).toEqual([`No process has '${NAME}' open.`]);
    makeSection(NAME, 8192, Buffer.from('hi'));
    expect((await running.block()).at(-1)).toMatch(/hi$|\.\.$/);
  });

  test('prints a line of JSON for each change, with the offsets of the changed bytes', async () => {
    const bytes = makeSection(NAME, 4096);
    const running = new Running(
      'dump',
      NAME,
      '--follow',
      '--json',
      '--offset',
      '2',
      '--length',
      '2',
      '--interval',
      '1',
    );
    const expected = { name: NAME, size: 4096, offset: 2 };
    expect(JSON.parse((await running.line()) ?? '')).toEqual({ ...expected, hex: '0000', changed: [] });
    bytes[3] = 0xff;
    expect(JSON.parse((await running.line()) ?? '')).toEqual({ ...expected, hex: '00ff', changed: [3] });
  });
});

describe('doctor', () => {
  /** The checks by name. */
  function examine(options: RunOptions = {}) {
    const { status, stdout, stderr } = run(['doctor', '--json'], options);
    const { ok, checks } = JSON.parse(stdout);
    const byName = Object.fromEntries(checks.map((check: { what: string }) => [check.what, check]));
    return { status, stderr, ok, checks: byName };
  }

  test('says what is loaded from where, for which processor, and of which version', () => {
    const { checks, ...rest } = examine();
    expect(rest).toEqual({ ...wellEnded, ok: true });
    expect(checks.Package.found).toMatch(version);
    expect(checks.Node.found).toBe(`${process.version}, ${process.platform}-${process.arch}`);
    expect(checks.DLL).toEqual({ what: 'DLL', ok: true, found: `${dllPath()}, for ${process.arch}` });
    expect(checks.kernel32.found).toMatch(
      onWindows ? "the system's own, Windows_NT" : `${kernel32Path()}, for ${process.arch}`,
    );
    expect(checks.Room.found).toMatch(/^\d+\.\d MiB free in /);
    expect(checks.Namespace.found).toMatch(onWindows ? /^session / : `user ${process.getuid?.()} in /`);
    expect(checks['Global names'].found).toBe('can be created');
  });

  test('says that no process has the section open, and does not make it', () => {
    const { found, advice } = examine().checks.Section;
    expect(found).toBe("no process has 'dllmemfilemap' open, so there is no text");
    expect(advice).toMatch('dllmemfilemap hold');
    expect(isThere('dllmemfilemap')).toBe(false);
  });

  test('says that the section exists, and what this user may do with it, and keeps the text to itself', () => {
    setSharedMem('secret');
    const { found } = examine().checks.Section;
    expect(found).toMatch(
      /^some process has 'dllmemfilemap' open, with a text of 6 characters; .+ may read and write it$/,
    );
    expect(run(['doctor']).stdout).not.toMatch('secret');
  });

  test('prints a line for each thing, and one for each advice', () => {
    const { stdout, ...rest } = run(['doctor']);
    expect(rest).toEqual(wellEnded);
    for (const line of stdout.trimEnd().split('\n')) expect(line).toMatch(/^(ok {5}\S.{11}| {19}) {2}\S/);
  });

  test('finds a DLL that is missing, and exits with 1', () => {
    const { dist, dll } = copyPackage();
    rmSync(dll);
    const { status, ok, checks } = examine({ dist });
    expect({ status, ok, dll: checks.DLL.ok }).toEqual({ status: 1, ok: false, dll: false });
    expect(checks.DLL.found).toMatch(`this package has none for ${process.platform}-${process.arch}`);
    expect(run(['doctor'], { dist }).stdout).toMatch(/^wrong {2}DLL {11}ERROR_MOD_NOT_FOUND/m);
  });

  test('finds a DLL that cannot be read, and exits with 1', () => {
    const { dist, dll } = copyPackage();
    rmSync(dll);
    mkdirSync(dll);
    const { status, checks } = examine({ dist });
    expect({ status, dll: checks.DLL.ok, kernel32: checks.kernel32.ok }).toEqual({
      status: 1,
      dll: false,
      kernel32: true,
    });
  });

  const othersMayRun = !onWindows && run(['--version'], { uid: 54_321 }).status === 0;
  test.skipIf(!othersMayRun)(
    'does without the name of a user who has none (POSIX, and not without root and where others may run it)',
    async () => {
      const holder = spawn(process.execPath, [join(DIST, 'cli.js'), 'hold'], { uid: 54_321, stdio: 'pipe' });
      const ended = once(holder, 'exit');
      await once(holder.stdout, 'data');
      const { status, checks } = examine({ uid: 54_321 });
      holder.kill('SIGKILL');
      await ended;
      expect(status).toBe(0);
      expect(checks.Section.found).toMatch(/; this user may read and write it$/);
    },
  );

  test('finds that koffi is missing, and exits with 1', () => {
    const { dist } = copyPackage();
    mkdirSync(join(dist, 'node_modules/koffi'), { recursive: true });
    const { status, checks } = examine({ dist });
    expect(status).toBe(1);
    expect(Object.keys(checks)).toEqual(['Package', 'Node', 'koffi']);
    expect(checks.koffi).toMatchObject({ ok: false, found: expect.stringContaining('koffi') });
    expect(checks.koffi.advice).toContain(`${process.platform}-${process.arch}`);
  });

  test('finds a DLL for another processor, and says for which', () => {
    const { dist, dll } = copyPackage();
    const image = readFileSync(dll);
    turnIntoArm64(image);
    writeFileSync(dll, image);
    const { status, checks } = examine({ dist });
    expect(status).toBe(1);
    expect(checks.DLL.found).toMatch('ERROR_BAD_EXE_FORMAT');
    expect(checks.DLL.advice).toMatch(`The file is for arm64, and this Node for ${process.arch}.`);
  });

  test.each([
    ['Windows', ['0 MZ', `${0x3c} \x80`, '128 PE\0\0\x64\xaa'], 'arm64'],
    ['macOS', ['0 \xcf\xfa\xed\xfe\x0c\0\0\x01'], 'arm64'],
    ['no system, but begins as one for Windows', ['0 MZ'], undefined],
    ['no system', ['0 text'], undefined],
  ])('says what it can of a DLL for %s', (_, parts, processor) => {
    const { dist, dll } = copyPackage();
    const image = Buffer.alloc(4096);
    for (const part of parts) {
      const [offset = ''] = part.split(' ', 1);
      image.write(part.slice(offset.length + 1), Number(offset), 'latin1');
    }
    writeFileSync(dll, image);
    const { status, checks } = examine({ dist });
    expect(status).toBe(1);
    expect(checks.DLL.ok).toBe(false);
    expect(/The file is for (\w+)/.exec(checks.DLL.advice ?? '')?.[1]).toBe(processor);
  });

  test.skipIf(onWindows)('finds a kernel32 that is missing (Windows has its own)', () => {
    const { dist, kernel32 } = copyPackage();
    rmSync(kernel32);
    const { status, checks } = examine({ dist });
    expect(status).toBe(1);
    expect(checks.kernel32).toMatchObject({ ok: false, found: expect.stringContaining(kernel32) });
  });

  test('finds that another program uses the name for something of another size', () => {
    makeSection('dllmemfilemap', 65_536);
    const { status, checks } = examine();
    expect(status).toBe(1);
    expect(checks.Section.found).toBe(
      "'dllmemfilemap' has 65536 bytes instead of 4096, so it was made by another program",
    );
  });

  test.skipIf(!onWindows)('says when this user may only read (by a security descriptor, which Windows has)', () => {
    using _mapping = FileMapping.create('dllmemfilemap', 4096, { security: { sddl: 'D:(A;;GR;;;WD)' } });
    expect(examine().checks.Section.found).toMatch(/ may read it, and not write$/);
  });

  test('finds that something else has the name', () => {
    occupyName();
    const { status, checks } = examine();
    expect(status).toBe(1);
    expect(checks.Section).toMatchObject({ ok: false, advice: expect.stringMatching('something else has its name') });
  });

  describe.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0)(
    'with a /dev/shm of its own (only Linux has one, and only root may mount it)',
    () => {
      /** What it finds after a mount that only it sees. */
      function examineAfter(mount: string, start = 'exec') {
        const script = `${mount} && ${start} "$0" "$1" doctor --json`;
        const args = ['--mount', 'sh', '-c', script, process.execPath, join(DIST, 'cli.js')];
        const { status, stdout } = spawnSync('unshare', args, { encoding: 'utf8', timeout: 50_000 });
        const { checks } = JSON.parse(stdout);
        return { status, room: checks.find(({ what }: { what: string }) => what === 'Room'), checks };
      }

      test('finds that there is no room', () => {
        const { status, room } = examineAfter('mount -t tmpfs -o size=4k tmpfs /dev/shm');
        expect(status).toBe(1);
        expect(room).toEqual({
          what: 'Room',
          ok: false,
          found: '0.0 MiB free in /dev/shm',
          advice: expect.stringContaining('--shm-size'),
        });
      });

      test('finds the section in order, although there is no room for another', () => {
        const { status, checks } =
          examineAfter(`mount -t tmpfs -o size=64k tmpfs /dev/shm && cd /dev/shm && mkfifo in && {
          "${programPath('dll_peer')}" <in >out & exec 3>in
          until grep -q ready out; do :; done
          cat /dev/zero >full 2>/dev/null || true
        }`);
        expect(status).toBe(1); // for want of room
        expect(checks.find(({ what }: { what: string }) => what === 'Section')).toMatchObject({ ok: true });
      });

      test('finds that nothing can be written there', () => {
        const { status, checks } = examineAfter('mount -t tmpfs -o ro tmpfs /dev/shm');
        expect(status).toBe(1);
        expect(JSON.stringify(checks)).toMatch('ERROR_WRITE_PROTECT');
      });

      test.skipIf(!canRunAsOthers)('finds that names in Global cannot be created', () => {
        const asOther = 'exec setpriv --reuid=12345 --regid=12345 --clear-groups';
        const { status, checks } = examineAfter('mount -t tmpfs -o mode=755 tmpfs /dev/shm', asOther);
        expect(status).toBe(1); // its own names cannot be created either
        expect(checks).toContainEqual({
          what: 'Global names',
          ok: true,
          found: 'cannot be created, only opened',
          advice: expect.stringContaining('SeCreateGlobalPrivilege'),
        });
      });

      test('finds that it does not exist', () => {
        const { status, room } = examineAfter('mount -t tmpfs tmpfs /dev');
        expect(status).toBe(1);
        expect(room).toMatchObject({ ok: false, found: expect.stringContaining('ENOENT') });
      });
    },
  );
});

describe.skipIf(!hasTerminal)('In a terminal (not run without tmux, so not on Windows)', () => {
  test('dump --follow redraws in place, as many rows as fit, and marks the bytes that have changed', async () => {
    const bytes = makeSection(NAME, 4096, Buffer.from('before'));
    const terminal = new Terminal({ height: 8 });
    terminal.enter(`clear; cli dump --follow '${NAME}'`);
    await terminal.shows('before');
    const rest = [1, 2, 3, 4, 5].map((row) => `000000${row}0: ${'0000 '.repeat(8)} ${'.'.repeat(16)}`);
    const title = `'${NAME}': 4096 bytes, 96 from 0 on. Ctrl+C ends.`;
    const row = (hex: string, text: string) =>
      `00000000: ${hex} 666f 7265 0000 0000 0000 0000 0000  ${text}fore..........`;
    expect(terminal.lines()).toEqual([title, row('6265', 'be'), ...rest]);
    bytes[0] = 0x42;
    await terminal.shows('Before');
    expect(terminal.lines()).toEqual([title, row('4265', 'Be'), ...rest]);
    const start = '\x1b\\[[\\d;]*';
    const inverse = new RegExp(`${start}7m(?:${start}m)*([^\x1b]+)`, 'g');
    const marked = [...terminal.lines({ colors: true }).join('\n').matchAll(inverse)];
    expect(marked.map(([, text]) => text)).toEqual(['42', 'B']);
    terminal.press('C-c');
    expect(await terminal.finished()).toContain(row('4265', 'Be'));
  });

  test('dump --follow marks with an asterisk, and prints no colours, when NO_COLOR is set', async () => {
    const bytes = makeSection(NAME, 4096);
    const terminal = new Terminal({ height: 8, noColor: true });
    terminal.enter(`clear; cli dump --follow '${NAME}'`);
    await terminal.shows('00000010');
    bytes[0] = 0x42;
    await terminal.shows('B');
    expect(terminal.lines({ colors: true })[1]).toBe(
      '00000000: 4200 0000 0000 0000 0000 0000 0000 0000  B............... *',
    );
  });

  test('dump --follow follows the size of the terminal', async () => {
    makeSection(NAME, 4096);
    const terminal = new Terminal({ height: 8 });
    terminal.enter(`clear; cli dump --follow '${NAME}'`);
    await terminal.shows('00000050');
    terminal.resize(45, 5);
    const row = (offset: string) => `${offset}: ${'0000 '.repeat(4)} ${'.'.repeat(8)}`;
    await expect
      .poll(() => terminal.lines().slice(1), { timeout: 30_000 })
      .toEqual(['00000000', '00000008', '00000010'].map(row));
  });

  test('get and watch print no control characters that the terminal would obey', async () => {
    setSharedMem('a\x1b[2Jb\x07\x9b');
    const terminal = new Terminal();
    for (const command of ['get', 'watch']) {
      terminal.enter(`clear; cli ${command}`);
      await terminal.shows('a\\x1b[2Jb\\x07\\x9b');
    }
  });

  test('doctor has colours, and none when NO_COLOR is set', async () => {
    const terminal = new Terminal();
    terminal.enter('clear; cli doctor');
    await terminal.finished();
    expect(terminal.lines({ colors: true }).join('\n')).toMatch('\x1b[32mok');
    terminal.enter('clear; NO_COLOR=1 cli doctor');
    await terminal.shows('Global names');
    expect(terminal.lines({ colors: true }).join('\n')).not.toMatch('\x1b');
  });

  test.each([
    ['hold', 'Ctrl+C ends it.', /^ended 0$/],
    ['set --hold x', 'Ctrl+C ends it.', /^ended 0$/],
    ['watch', 'there before', /^ended 0$/],
    ['dump --follow', '00000000:', /^ended 0$/],
    ['parent "sleep 60"', 'writing', /^ended 130$/],
    // A key, once the terminal gives it keys.
    ['first-process', undefined, /^ended (0|130)$/],
  ])('Ctrl+C ends "%s" quietly', async (command, ready, ended) => {
    setSharedMem('there before');
    const terminal = new Terminal({ width: 120, height: 40 });
    terminal.enter(`clear; echo started; cli ${command}`);
    if (ready !== undefined) await terminal.shows(ready);
    else if (command === 'first-process') {
      await expect.poll(() => isThere('Global\\MyFileMappingObject'), { timeout: 30_000 }).toBe(true);
    }
    terminal.press('C-c');
    const lines = await terminal.finished();
    terminal.enter('echo "ended $?"');
    await terminal.shows(/^ended \d+$/m);
    expect(terminal.lines().find((line) => /^ended \d+$/.test(line))).toMatch(ended);
    expect(lines.join('\n')).not.toMatch(/error|\bat /i);
  });
});

describe.skipIf(process.platform !== 'linux')(
  'With an output that takes nothing (on Linux alone, for its /dev/full)',
  () => {
    const runWith = (redirection: string, ...args: string[]) =>
      spawnSync('sh', ['-c', `exec "$0" "$@" ${redirection}`, process.execPath, join(DIST, 'cli.js'), ...args], {
        encoding: 'utf8',
        timeout: 50_000,
      });

    test('stdout, says so in one line, and exits with 1', () => {
      const { status, stderr } = runWith('>/dev/full', 'get');
      expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(/^.*ENOSPC.*\n$/) });
    });

    test('stderr, exits as it would otherwise', () => {
      expect(runWith('2>/dev/full', 'no-such-command').status).toBe(2);
      expect(runWith('2>/dev/full', 'dump', 'no-such-section').status).toBe(1);
    });
  },
);
