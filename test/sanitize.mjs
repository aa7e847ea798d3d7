/**
 * Runs all of the native code under the sanitizers: the test suite with the address, leak and undefined-behaviour ones,
 * in its C++ programs and in Node alike, and what has several threads with the thread one; both under a short stress:
 *
 *     node test/sanitize.mjs [--every-fault] [--short]
 *
 * Of what faults.test.ts lets fail it takes some, or with --every-fault all, with every error, which takes long. With
 * --short it takes fewer of them, leaves out files whose native code runs in the others, too, and has the shared text
 * under stress for a second.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { root, run, stage, vitest } from './staged.mjs';

const isShort = process.argv.includes('--short');

/** What runs native code. The other files run little of it, build it without sanitizers, or are run below. */
const FILES = [
  'dll/kernel32/kernel32',
  'posix/fork',
  'posix/hostile',
  'posix/waiting',
  'objects/file-mapping',
  'shared-mem/',
];
if (!isShort) {
  FILES.push('objects/model', 'objects/named', 'objects/wait', 'objects/refuse', 'win32/', 'samples/');
  FILES.push('examples/examples', 'dll/kernel32/contract', 'posix/posix');
}

/**
 * What the sanitizers do not take part in: with no descriptor left, that of undefined behaviour cannot ask whether an
 * address may be read; a forked child may find their allocator's lock taken for ever, as those before LLVM 18 do not mind
 * forks (llvm-project#75290); their allocator maps memory where a view was unmapped; Node wants theirs loaded first; and the
 * leak sanitizer refuses a process that is stepped through.
 */
const WITHOUT_SANITIZERS =
  'on the number of files|whatever the threads of that|is given back at once|what it did succeeds the next time|Whatever instruction';

/**
 * Where the leak sanitizer cannot start its thread, or does not know itself by its process id; and where threads are
 * ended that call koffi, which does not free what these calls had, and is unloaded by then, so that none knows it.
 */
const WITHOUT_LEAK_CHECK = 'CreateProcessW \\(on Linux|with the same process id|in the middle of a call';

/** What of faults.test.ts runs each call of dll/posix at least once. */
const SOME_SCENARIOS =
  'SetSharedMem|that another process has|killed process had|everyone may use|two views|a mutex is created, owned|several objects|DLL is loaded,|by its name|is converted';
const FEW_SCENARIOS = 'SetSharedMem|is created that a killed process had|a mutex is created, owned|DLL is loaded,';

/** Ends with an error if a command did, or if any process has left a report, as one that nobody waits for may. */
function endUnlessClean(status, reports) {
  if (status !== 0 || readdirSync(reports).length > 0) process.exit(1);
}

function stress(folder, options) {
  const command = ['test/stress/run.mjs', '--seconds', '10', '--build', folder, ...(isShort ? ['--text', '1'] : [])];
  // The thread sanitizer needs its addresses free, so no randomized ones.
  const table = run('setarch', ['-R', process.execPath, ...command], options);
  console.log(`The stress passed, with ${table.match(/^killed +(.*)$/m)[1]} killed`);
}

/**
 * Makes a folder for what the sanitizers report, that the tests that run as another user write to, too. However this
 * ends, what is there is printed.
 */
function folderForReports(tree) {
  const reports = join(root, 'build', tree, 'reports');
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  chmodSync(reports, 0o1777);
  process.on('exit', () => {
    for (const file of readdirSync(reports)) console.error(readFileSync(join(reports, file), 'utf8'));
  });
  return reports;
}

function findErrorsOfMemory() {
  const { app } = stage('sanitize-address', {
    CMAKE_BUILD_TYPE: 'RelWithDebInfo',
    DLLMEMFILEMAP_SANITIZE: 'address,undefined',
  });
  const reports = folderForReports('sanitize-address');
  const optionsWith = (more) => ({
    ASAN_OPTIONS: `log_path=${reports}/report:${more}`,
    LSAN_OPTIONS: `print_suppressions=0:suppressions=${join(root, 'test/leak-sanitizer.txt')}`,
    UBSAN_OPTIONS: 'print_stacktrace=1',
  });
  // The sanitizer wants to be loaded first, and Node does not bring it.
  const LD_PRELOAD = run('c++', ['-print-file-name=libasan.so']).trim();
  // Tests that preload libfaults.so put that first.
  const options = optionsWith('verify_asan_link_order=0');
  const but = `^(?!.*(${WITHOUT_SANITIZERS}|${WITHOUT_LEAK_CHECK}))`;
  endUnlessClean(vitest(app, ['--project', 'live', ...FILES, '-t', but], { ...options, LD_PRELOAD }), reports);
  const withoutLeaks = optionsWith('verify_asan_link_order=0:detect_leaks=0');
  endUnlessClean(
    vitest(app, ['--project', 'live', 'posix', 'file-mapping', '-t', WITHOUT_LEAK_CHECK], {
      ...withoutLeaks,
      LD_PRELOAD,
    }),
    reports,
  );
  const every = process.argv.includes('--every-fault');
  const scenarios = isShort ? FEW_SCENARIOS : SOME_SCENARIOS;
  const faults = ['faults', '-t', every ? 'Whatever fails' : scenarios];
  // They have a /dev/shm of their own, and vitest itself has no sanitizer loaded, to look what they left.
  const more = { EVERY_FAULT: every ? '1' : '', NOTHING_LEFT: 'unchecked' };
  endUnlessClean(vitest(app, faults, { ...options, ...more }), reports);
  stress(join(app, 'build/Release'), options);
  endUnlessClean(0, reports);
}

function findRaces() {
  const tree = join(root, 'build/sanitize-thread');
  const folder = join(tree, 'RelWithDebInfo');
  const library = join(folder, 'libdllmemfilemap.so');
  const commands = [
    ['kernel32_test'],
    ['loads_twice_at_once', library],
    ['looks_up_while_freeing', library],
    ['ends_while_calling'],
    ['ends_while_calling', library],
    ['bus_error', 'threads'],
  ];
  const programs = [
    ...commands.map(([program]) => program),
    'stress_worker',
    'stress_waiting',
    'stress_text',
    'dll_peer',
  ];
  const settings = ['-D', 'CMAKE_BUILD_TYPE=RelWithDebInfo', '-D', 'DLLMEMFILEMAP_SANITIZE=thread'];
  run('cmake', ['-S', '.', '-B', tree, ...settings]);
  run('cmake', ['--build', tree, '--parallel', String(availableParallelism()), '--target', ...programs]);
  const reports = folderForReports('sanitize-thread');
  const suppressions = join(root, 'test/thread-sanitizer.txt');
  // Written down as it is found, as the stress may kill the process that found it.
  const options = { TSAN_OPTIONS: `halt_on_error=1 log_path=${reports}/report suppressions=${suppressions}` };
  for (const [program, ...args] of commands) run('setarch', ['-R', join(folder, program), ...args], options);
  endUnlessClean(0, reports);
  console.log(`No race in ${commands.length} programs`);
  stress(folder, options);
  endUnlessClean(0, reports);
}

findErrorsOfMemory();
findRaces();
