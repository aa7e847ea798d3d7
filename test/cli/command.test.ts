import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { setSharedMem, unloadSharedMem } from '../../dist/index.js';
import { DIST, isThere, makeSection, NAME, onWindows, Running, run, version, wellEnded } from './command.js';

// That parent, child, first-process and second-process print what the C++ programs print is in samples.test.ts.

const COMMANDS = [
  ...['set', 'get', 'hold', 'watch', 'mirror', 'dump', 'lock', 'wait', 'signal', 'list', 'doctor'],
  ...['parent', 'child', 'first-process', 'second-process', 'help'],
];

afterEach(() => unloadSharedMem());

describe('dllmemfilemap', () => {
  test('--version prints the version of the package', () => {
    expect(run(['--version'])).toEqual({ ...wellEnded, stdout: `${version}\n` });
  });

  test.each([['--help'], ['help']])('%s prints every command', (...args) => {
    const { stdout, ...rest } = run(args);
    expect(rest).toEqual(wellEnded);
    const [, commands = ''] = /^Commands:\n(.*?)^$/ms.exec(stdout) ?? [];
    const listed = [...commands.matchAll(/^ {2}([a-z][a-z-]+) /gm)].map(([, name]) => name);
    expect(listed.sort()).toEqual([...COMMANDS].sort());
  });

  test('--help says what a section is, which documents it speaks of, and gives two examples', () => {
    const { stdout } = run(['--help']);
    expect(stdout).toMatch('A section is memory that has a name.');
    for (const page of ['dlls/using-shared-memory-in-a-dynamic-link-library', 'memory/creating-named-shared-memory']) {
      expect(stdout).toMatch(`https://learn.microsoft.com/windows/win32/${page}\n`);
    }
    expect(stdout.match(/^ {2}dllmemfilemap /gm)).toHaveLength(2);
  });

  test('--help shows how to set a text with a hyphen, and how to start parent with child', () => {
    expect(run(['set', '--help']).stdout).toMatch('dllmemfilemap set -- -x\n');
    expect(run(['parent', '--help']).stdout).toMatch('dllmemfilemap parent "dllmemfilemap child"\n');
  });

  test.each(COMMANDS)('help %s, and --help after it, print how it is used', (command) => {
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
    ['replicas that are no number', ['mirror', 'nats://x', '--replicas', 'x'], 'a whole number of servers'],
    ['a length that is no number', ['dump', '--length', 'all'], 'a whole number of bytes'],
    ['a text of 2048 characters', ['set', 'x'.repeat(2048)], 'at most 2047 characters: it has 2048'],
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

  test('watch ends quietly when its output is no longer read, as in "| head -1"', async () => {
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

describe.skipIf(process.platform !== 'linux')(
  'With an output that takes nothing (on Linux alone, for its /dev/full)',
  () => {
    const runWith = (redirection: string, ...args: string[]) =>
      spawnSync('sh', ['-c', `exec "$0" "$@" ${redirection}`, process.execPath, join(DIST, 'cli/main.js'), ...args], {
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
