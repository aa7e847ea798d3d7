import { afterEach, describe, expect, test } from 'vitest';
import { setSharedMem, unloadSharedMem } from '../../dist/index.js';
import { hasTerminal, Terminal } from '../terminal.js';
import { isThere, makeSection, NAME } from './command.js';

afterEach(() => unloadSharedMem());

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

  test.each([60, 100])('doctor wraps at a width of %i, between words and in its column', async (width) => {
    const terminal = new Terminal({ width, height: 60 });
    terminal.enter('clear; cli doctor');
    const lines = await terminal.finished();
    const text = lines.join('\n');
    expect(text).toMatch(/^ok {5}Section {7}no process has 'dllmemfilemap' open/m);
    expect(text.replaceAll(/\n {21}/g, ' ')).toMatch(
      'has to run as the same user, and in the same session or container.',
    );
    const wrapped = lines.filter((line) => /^ {21}\S/.test(line));
    expect(wrapped.length).toBeGreaterThan(2);
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
