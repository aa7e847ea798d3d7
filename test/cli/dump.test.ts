import { afterEach, describe, expect, test } from 'vitest';
import { FileMapping, setSharedMem, unloadSharedMem } from '../../dist/index.js';
import { Peer } from '../peer.js';
import { makeSection, NAME, onWindows, Running, run, wellEnded } from './command.js';

afterEach(() => unloadSharedMem());

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
    ['does not exist', NAME, NAME],
    ['does not exist and would end the line', 'a\nb', 'a b'],
  ])('says in one line what it can do where a name %s, and exits with 1', (_, name, shown) => {
    expect(run(['dump', name])).toEqual({
      status: 1,
      stdout: '',
      stderr:
        `error: No process has '${shown}' open, and dump only reads what is there. ` +
        'Start the program that creates it, or wait for that with --follow.\n',
    });
  });

  test.each([
    ['is empty', '', 'the name is empty'],
    ['has a backslash in it', 'a\\b', 'a backslash may only stand after Local or Global'],
    ['has another backslash after the prefix', 'Local\\a\\b', 'a backslash may only stand after Local or Global'],
    ['begins with a backslash', '\\a', 'begins with a backslash'],
    ['is a prefix alone', 'Local\\', 'nothing after the prefix'],
    ['is a prefix without its backslash', 'Global', 'a prefix without a name'],
    ['is too long', 'x'.repeat(261), 'at most 260 characters'],
  ])('says in one line that a name %s, and exits with 2', (_, name, message) => {
    for (const args of [[name], ['--follow', name]]) {
      const { status, stdout, stderr } = run(['dump', ...args]);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(/^error: [^\n]+\n$/);
      expect(stderr).toContain(message);
      expect(stderr).not.toContain('tmpfs');
    }
  });

  test('refuses an offset that is not within the section, and exits with 2', () => {
    makeSection(NAME, 4096);
    for (const more of [[], ['--follow']]) {
      expect(run(['dump', NAME, '--offset', '4096', ...more])).toEqual({
        status: 2,
        stdout: '',
        stderr: `error: --offset must be below the size of '${NAME}', which is 4096: it is 4096\n`,
      });
    }
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

  test('may start before the program that creates the section', async () => {
    const running = new Running('dump', NAME, '--follow', '--length', '2', '--interval', '1');
    expect(await running.block()).toEqual([`No process has '${NAME}' open.`]);
    makeSection(NAME, 4096);
    expect(await running.block()).toEqual([`00000000: 0000${' '.repeat(37)}..`]);
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
