import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { FileMapping, getSharedMem, setSharedMem, unloadSharedMem } from '../../dist/index.js';
import { copyPackage, turnIntoArm64 } from '../package-copy.js';
import { Peer } from '../peer.js';
import { DIST, isThere, makeSection, onWindows, Running, run, wellEnded } from './command.js';

const ENDED_WITH_IT =
  'No other process holds the shared memory, so the text ended with this command. ' +
  'To keep it, run "dllmemfilemap hold" in another terminal first, or use "set --hold".\n';

afterEach(() => unloadSharedMem());

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

  test('takes a text that begins with a hyphen after --, and the empty text', () => {
    setSharedMem('before');
    expect(run(['set', '--', '--hold'])).toEqual({ ...wellEnded, stdout: '' });
    expect(getSharedMem()).toBe('--hold');
    expect(run(['set', ''])).toEqual({ ...wellEnded, stdout: '' });
    expect(getSharedMem()).toBe('');
  });

  test('refuses an argument with U+FFFD, which is what Node makes of bytes that are not UTF-8, and takes it on stdin', () => {
    setSharedMem('before');
    const { status, stdout, stderr } = run(['set', 'a\ufffd']);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^error: text must be UTF-8: it has U\+FFFD at 1, [^\n]+\n$/);
    expect(getSharedMem()).toBe('before');
    expect(run(['set', '-'], { input: 'a\ufffd' })).toEqual({ ...wellEnded, stdout: '' });
    expect(getSharedMem()).toBe('a\ufffd');
  });

  test.skipIf(onWindows)('refuses bytes that are not UTF-8 (not on Windows, whose arguments are UTF-16)', () => {
    const command = [process.execPath, join(DIST, 'cli/main.js')];
    const { status, stderr } = spawnSync('sh', ['-c', `"$0" "$1" set "$(printf 'a\\377')"`, ...command], {
      encoding: 'utf8',
      timeout: 50_000,
    });
    expect(status).toBe(2);
    expect(stderr).toMatch('text must be UTF-8');
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
  test.each(['dll', 'kernel32'] as const)('says which processor a %s is for, if it is another', (library) => {
    if (library === 'kernel32' && onWindows) return;
    const { dist, ...libraries } = copyPackage();
    const path = libraries[library];
    const image = readFileSync(path);
    turnIntoArm64(image);
    writeFileSync(path, image);
    const { status, stdout, stderr } = run(['get'], { dist });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(`the file is for arm64, and this Node for ${process.arch}`);
  });

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
