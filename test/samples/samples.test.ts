import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { FileMapping, getSharedMem, setSharedMem, unloadSharedMem } from '../../dist/index.js';
import { programPath } from '../../dist/win32/native-library.js';
import { occupyName } from '../occupied-name.js';
import { LANGUAGES, type Language } from '../peer.js';
import { hasTerminal, Terminal } from '../terminal.js';
import { readMessageBox } from './message-box.js';

type Program = 'parent' | 'child' | 'first_process' | 'second_process';

function command(language: Language, program: Program): [string, ...string[]] {
  if (language === 'C++') return [programPath(program)];
  const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
  return [process.execPath, cli, program.replace('_', '-')];
}

/** A command line as CreateProcess takes it. */
const commandLine = (words: readonly string[]) => words.map((word) => `"${word}"`).join(' ');

/** Runs a program to its end. The C runtime of Windows may end lines with CR LF. */
function run(language: Language, program: Program, args: readonly string[] = [], more: NodeJS.ProcessEnv = {}) {
  const [file, ...before] = command(language, program);
  const env = { ...process.env, ...more };
  const { status, stdout, stderr } = spawnSync(file, [...before, ...args], { encoding: 'utf8', env, timeout: 50_000 });
  return { status, stdout: stdout.replaceAll('\r\n', '\n'), stderr };
}

const pairs = LANGUAGES.flatMap((parent) => LANGUAGES.map((child) => ({ parent, child })));
const WRITING = '\nProcess is writing to shared memory...\n\n';

describe.each(LANGUAGES)('parent (%s)', (language) => {
  test('asks for an input file without an argument, and exits with 0', () => {
    expect(run(language, 'parent')).toEqual({ status: 0, stdout: 'Please specify an input file', stderr: '' });
  });

  test('shows the code when CreateProcess fails, and exits with 0', () => {
    expect(run(language, 'parent', ['no-such-program'])).toEqual({
      status: 0,
      stdout: `${WRITING}CreateProcess failed (2)\n`,
      stderr: '',
    });
  });

  test('takes its argument as a whole command line, quotes and all', () => {
    const script = 'console.log(JSON.stringify(process.argv.slice(1)))';
    const line = `"${process.execPath}" -e "${script}" one "two words" three\\"quote`;
    expect(run(language, 'parent', [line]).stdout).toBe(`${WRITING}["one","two words","three\\"quote"]\n`);
  });

  test('waits for the process that it started', () => {
    const script = 'setImmediate(() => console.log(process.ppid > 0))';
    expect(run(language, 'parent', [`"${process.execPath}" -e "${script}"`]).stdout).toBe(`${WRITING}true\n`);
  });
});

describe.each(LANGUAGES)('child (%s)', (language) => {
  test('prints the empty string if nobody holds the memory', () => {
    expect(run(language, 'child')).toEqual({
      status: 0,
      stdout: 'Child process read from shared memory: \n',
      stderr: '',
    });
  });

  test('prints what the memory holds as UTF-8, whole', () => {
    onTestFinished(unloadSharedMem);
    setSharedMem('Grüße, 世界 😀');
    expect(run(language, 'child').stdout).toBe('Child process read from shared memory: Grüße, 世界 😀\n');
    expect(getSharedMem()).toBe('Grüße, 世界 😀');
  });

  test('prints at most 259 characters', () => {
    onTestFinished(unloadSharedMem);
    setSharedMem('x'.repeat(300));
    expect(run(language, 'child').stdout).toBe(`Child process read from shared memory: ${'x'.repeat(259)}\n`);
  });
});

test.each(pairs)('parent in $parent and child in $child share the test string', ({ parent, child }) => {
  expect(run(parent, 'parent', [commandLine(command(child, 'child'))])).toEqual({
    status: 0,
    stdout: `${WRITING}Child process read from shared memory: This is a test string\n`,
    stderr: '',
  });
});

const NAME = 'Global\\MyFileMappingObject';
const MESSAGE = 'Message from first process.';

/** Starts a program that is killed when the test is over. */
function start(language: Language, program: Program, stdout: 'inherit' | 'pipe') {
  const [file, ...args] = command(language, program);
  const child = spawn(file, args, { stdio: ['pipe', stdout, 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, ended: once(child, 'exit') };
}

/** Starts a first process and waits until its message is there. */
async function startFirst(language: Language) {
  using memory = FileMapping.create(NAME, 256);
  using view = memory.mapView();
  // What is left of a longer text has to end at the message's own terminator.
  view.bytes.fill(0xff);
  const first = start(language, 'first_process', 'inherit');
  await expect.poll(() => view.readString(0, MESSAGE.length + 1), { timeout: 30_000 }).toBe(MESSAGE);
  return first;
}

describe.each(pairs)('first_process in $parent and second_process in $child', ({ parent, child }) => {
  test('share the message until a key is pressed, and exit with 0', async () => {
    const first = await startFirst(parent);
    const second = start(child, 'second_process', 'pipe');
    expect(await readMessageBox(second.child)).toEqual({ caption: 'Process2', text: MESSAGE });
    expect(await second.ended).toEqual([0, null]);
    expect(first.child.exitCode).toBeNull();
    first.child.stdin?.write('x');
    expect(await first.ended).toEqual([0, null]);
    expect(() => FileMapping.open(NAME)).toThrow('ERROR_FILE_NOT_FOUND');
  });
});

describe.each(LANGUAGES)('first_process (%s)', (language) => {
  test('shows the code if something else has the name, and exits with 1', () => {
    occupyName(NAME);
    // ERROR_INVALID_HANDLE for a mutex; ERROR_ACCESS_DENIED for a folder
    const code = process.platform === 'win32' ? 6 : 5;
    expect(run(language, 'first_process')).toEqual({
      status: 1,
      stdout: `Could not create file mapping object (${code}).\n`,
      stderr: '',
    });
  });
});

describe.each(LANGUAGES)('second_process (%s)', (language) => {
  test('shows the 256 bytes that it maps, and no more, of a text without a terminator', async () => {
    using memory = FileMapping.create(NAME, 256);
    using view = memory.mapView();
    view.bytes.fill('x'.charCodeAt(0));
    const second = start(language, 'second_process', 'pipe');
    expect((await readMessageBox(second.child)).text).toBe('硸'.repeat(128));
    expect(await second.ended).toEqual([0, null]);
  });

  test('shows the code if no first process runs, and exits with 1', () => {
    expect(run(language, 'second_process')).toEqual({
      status: 1,
      stdout: 'Could not open file mapping object (2).\n',
      stderr: '',
    });
  });
});

describe.skipIf(process.platform !== 'linux')(
  'without room for a view (on Linux alone, which can preload what fails)',
  () => {
    test.each(['first_process', 'second_process'] as const)('%s shows the code and exits with 1', (program) => {
      using _memory = FileMapping.create(NAME, 256);
      const env = { LD_PRELOAD: programPath('libfaults.so'), FAULTS: `mmap:1+:${constants.errno.ENOMEM}` };
      expect(run('C++', program, [], env)).toEqual({
        status: 1,
        stdout: 'Could not map view of file (8).\n',
        stderr: '',
      });
    });
  },
);

describe.skipIf(!hasTerminal).each(LANGUAGES)('first_process (%s) in a terminal (not without tmux)', (language) => {
  test('ends at a key, without Enter, and leaves a terminal that works', async () => {
    const terminal = new Terminal();
    terminal.enter(
      `clear; ${commandLine(command(language, 'first_process'))}; echo "It ended with $?."; read -r line; echo "$line"`,
    );
    await vi.waitUntil(() => isThere(NAME), { timeout: 30_000 });
    terminal.press('x');
    await terminal.shows(/It ended with 0\.$/m);
    expect(isThere(NAME)).toBe(false);
    terminal.enter('A whole line');
    await terminal.shows(/^A whole line\nA whole line$/m);
  });
});

function isThere(name: string): boolean {
  try {
    FileMapping.open(name, { access: 'read' }).close();
    return true;
  } catch {
    return false;
  }
}
