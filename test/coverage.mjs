/**
 * Runs the tests, and says which lines of dll and src none of them reaches:
 *
 *     node test/coverage.mjs [FILE…]
 *
 * What a process has reached of dll is known however it ends, by SIGKILL too. What it has reached of src is not known of
 * one that was killed, and neither what the tests reach on Windows.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { root, run, stage, vitest } from './staged.mjs';

/** The names under which Debian and others have the tool. */
function find(tool) {
  const found = [`${tool}-14`, tool].find((name) => !spawnSync(name, ['--version']).error);
  if (found) return found;
  console.error(`${tool} is missing: "apt-get install clang-14 libclang-rt-14-dev llvm-14" on Debian`);
  process.exit(1);
}
const [compiler, profdata, llvmCov] = ['clang++', 'llvm-profdata', 'llvm-cov'].map(find);

const { app } = stage('coverage', {
  CMAKE_BUILD_TYPE: 'Debug',
  CMAKE_CXX_COMPILER: compiler,
  // The counters are in the file itself, mapped into the processes, and outlive these.
  CMAKE_CXX_FLAGS:
    '-fprofile-instr-generate -fcoverage-mapping -fprofile-update=atomic -mllvm -runtime-counter-relocation',
});
// Processes of every user count in it.
process.umask(0);

/**
 * For which it is too much what these processes call beside, and the memory that the counters take: programs whose calls
 * fail from the start, the functions that libkernel32.so calls, and the stress. They reach what they reach, and fail.
 */
const FAIL_HERE =
  'without room|linked against the DLL, the right error|either fail in these tests|with a table of counts';

/** Makes an empty folder below build/coverage that programs of every user write to. */
function folderFor(what) {
  const folder = join(root, 'build/coverage', what);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o777);
  return folder;
}
const [native, v8, lcov] = ['native-counts', 'v8', 'lcov'].map(folderFor);

function test(pattern) {
  return vitest(app, ['-t', pattern, ...process.argv.slice(2)], {
    LLVM_PROFILE_FILE: join(native, '%m%c.profraw'),
    NODE_V8_COVERAGE: v8,
  });
}
process.exitCode = test(`^(?!.*(${FAIL_HERE}))`) ?? 1;
console.log('Of the following, some fail in this build, and what they reach counts all the same:');
test(FAIL_HERE);

const counts = join(root, 'build/coverage/native.profdata');
const release = join(app, 'build/Release');
run(profdata, ['merge', '-o', counts, ...readdirSync(native).map((name) => join(native, name))]);
const programs = readdirSync(release).flatMap((name) => ['-object', join(release, name)]);
printLines('dll', run(llvmCov, ['export', '-format=lcov', '-instr-profile', counts, ...programs]), root);

// Tests spoil copies of the package, whose lines are the package's. Without what Node has kept of source maps, of which
// a copy has none any more, c8 reads the package's own.
for (const name of readdirSync(v8)) {
  const path = join(v8, name);
  const counts = readFileSync(path, 'utf8').replace(/\/build\/copy-[^/]+(?=\/dist\/)/g, '');
  writeFileSync(path, counts.replace(/"source-map-cache":.*$/s, '"source-map-cache":{}}'));
}
const c8 = join(root, 'node_modules/c8/bin/c8.js');
// Of the compiled files, as c8 does not know the paths of a source map with several sources in time.
const options = ['--temp-directory', v8, '--include', 'dist/**'];
run(process.execPath, [c8, 'report', ...options, '--reporter', 'lcovonly', '--reports-dir', lcov], {}, app);
printLines('src', readFileSync(join(lcov, 'lcov.info'), 'utf8'), app);

/** Prints what a report in lcov's format says of the lines of a folder. */
function printLines(folder, report, base) {
  let [all, reached] = [0, 0];
  for (const record of report.split('end_of_record\n')) {
    const file = relative(base, resolve(base, /^SF:(.*)$/m.exec(record)?.[1] ?? ''));
    if (!file.startsWith(`${folder}/`)) continue;
    const lines = [...record.matchAll(/^DA:(\d+),(\d+)/gm)].map(([, line, count]) => [Number(line), Number(count)]);
    const missed = lines.filter(([, count]) => count === 0).map(([line]) => line);
    all += lines.length;
    reached += lines.length - missed.length;
    if (missed.length > 0) console.log(`${file}: ${missed.join(', ')}`);
  }
  console.log(`${folder}: ${reached} of ${all} lines are reached`);
}
