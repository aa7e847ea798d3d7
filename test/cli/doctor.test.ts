import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { FileMapping, setSharedMem, unloadSharedMem } from '../../dist/index.js';
import { dllPath, kernel32Path, programPath } from '../../dist/win32/native-library.js';
import { occupyName } from '../occupied-name.js';
import { copyPackage, turnIntoArm64 } from '../package-copy.js';
import { canRunAsOthers } from '../peer.js';
import { DIST, isThere, makeSection, onWindows, type RunOptions, run, version, wellEnded } from './command.js';

afterEach(() => unloadSharedMem());

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
    if (!onWindows) expect(checks.Namespace.found).toContain('Programs in Wine, and those that use shm_open,');
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
    setSharedMem('x');
    expect(examine().checks.Section.found).toMatch('with a text of 1 character;');
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
      const holder = spawn(process.execPath, [join(DIST, 'cli/main.js'), 'hold'], { uid: 54_321, stdio: 'pipe' });
      const ended = once(holder, 'exit');
      await once(holder.stdout, 'data');
      const { status, checks } = examine({ uid: 54_321 });
      // Killed, it would leave files until that user comes again.
      holder.kill('SIGINT');
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
    expect(checks.DLL.found).toMatch(`the file is for arm64, and this Node for ${process.arch}`);
    expect(checks.DLL.advice).toMatch('Use a Node for arm64');
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
    expect(/the file is for (\w+)/.exec(checks.DLL.found)?.[1]).toBe(processor);
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

  test('says that the text is whole and announced', () => {
    setSharedMem('x');
    expect(examine().checks.Text).toEqual({
      what: 'Text',
      ok: true,
      found: 'whole for every reader with this DLL, and announced to watchers',
    });
  });

  test('says that a process has the section without the DLL, such as the published one', () => {
    makeSection('dllmemfilemap', 4096);
    const { status, checks } = examine();
    expect(status).toBe(0);
    expect(checks.Text).toMatchObject({ ok: true, advice: expect.stringContaining('published sample') });
  });

  test.each([
    ['another program has its name', () => makeSection('dllmemfilemap.state', 4096), 'bytes instead of 36864'],
    ['something else has its name', () => occupyName('dllmemfilemap.state'), "'dllmemfilemap.state' cannot be used"],
  ])('finds that the text is not kept whole, as %s', (_, occupy, message) => {
    occupy();
    const { status, checks } = examine();
    expect(status).toBe(1);
    expect(checks.Text).toMatchObject({ ok: false, found: expect.stringContaining(message) });
    expect(checks.DLL.ok).toBe(true);
  });

  describe.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0)(
    'with a /dev/shm of its own (only Linux has one, and only root may mount it)',
    () => {
      /** What it finds after a mount that only it sees. */
      function examineAfter(mount: string, start = 'exec') {
        const script = `${mount} && ${start} "$0" "$1" doctor --json`;
        const args = ['--mount', 'sh', '-c', script, process.execPath, join(DIST, 'cli/main.js')];
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

      test('finds that there is room for the text, and none to keep it whole', () => {
        const { status, checks } = examineAfter('mount -t tmpfs -o size=32k tmpfs /dev/shm');
        expect(status).toBe(1);
        expect(checks).toMatchObject(
          expect.arrayContaining([
            expect.objectContaining({ what: 'DLL', ok: true }),
            expect.objectContaining({
              what: 'Text',
              ok: false,
              found: expect.stringContaining('ERROR_FILE_NOT_FOUND'),
            }),
          ]),
        );
      });

      test('finds the section in order, although there is no room for another', () => {
        const { status, checks } =
          examineAfter(`mount -t tmpfs -o size=96k tmpfs /dev/shm && cd /dev/shm && mkfifo in && {
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
