/**
 * Measures this package beside its alternatives and beside lower bounds:
 *
 *     npm run bench                     installs the alternatives, if they are not, and prints the tables
 *     npm run bench -- --json FILE      writes the figures, too
 *     npm run bench -- --compare FILE   says what moved by more than its noise since the run that wrote the file
 *     npm run bench -- --readme         writes the tables into README.md beside this, the chart, and the README's rows, too
 *     npm run bench -- --quick          everything once, without installing, to see that it runs
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FileMapping } from '../../dist/index.js';
import { progressEnds } from './measure.mjs';
import { memory } from './memory.mjs';
import { mirroring } from './mirroring.mjs';
import { cpp, scale } from './native.mjs';
import { makeFolder } from './peers.mjs';
import { oneProcess } from './programs.mjs';
import { changes, chart, machine, report, summary } from './report.mjs';
import { starting } from './starting.mjs';
import { structs } from './structs.mjs';
import { twoProcesses } from './two-processes.mjs';
import { waiting } from './waiting.mjs';
import { watching } from './watching.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const firstPage = fileURLToPath(new URL('../../README.md', import.meta.url));
const { values: options } = parseArgs({
  options: {
    ...{ json: { type: 'string' }, compare: { type: 'string' } },
    ...{ readme: { type: 'boolean' }, quick: { type: 'boolean' } },
  },
});

function fail(message) {
  console.error(message);
  process.exit(1);
}

/** Whether a process has the DLL's section open, whose text this would overwrite. */
function isInUse() {
  try {
    FileMapping.open('dllmemfilemap').close();
    return true;
  } catch (error) {
    if (error.code === 'ERROR_FILE_NOT_FOUND') return false;
    throw error;
  }
}

/** What an earlier run wrote. */
function earlierRun(file) {
  try {
    const run = JSON.parse(readFileSync(file, 'utf8'));
    if (!Array.isArray(run.comparisons)) throw new Error('it has no comparisons');
    return run;
  } catch ({ message }) {
    return fail(`${file} is not what npm run bench -- --json writes: ${message}`);
  }
}

function installPeers() {
  if (existsSync(`${here}node_modules/.package-lock.json`)) return;
  console.error(
    'Installing what to compare with into test/bench/node_modules: some of it is compiled, give it a minute.',
  );
  const { status, stdout, stderr } = spawnSync('npm install --no-package-lock --no-audit --no-fund', {
    cwd: here,
    encoding: 'utf8',
    shell: true,
  });
  if (status !== 0) console.error(`${stdout}${stderr}\nThat failed, so their rows will be missing.`);
}

/** Puts a text between two marks of a document. */
function writeBetweenMarks(document, text) {
  const [begin, end] = ['<!-- npm run bench -- --readme -->\n', '\n<!-- end -->'];
  const old = readFileSync(document, 'utf8');
  const from = old.indexOf(begin) + begin.length;
  const to = old.indexOf(end, from);
  if (from < begin.length || to < 0) fail(`${document} has no marks for the tables`);
  writeFileSync(document, `${old.slice(0, from)}${text}${old.slice(to)}`);
}

const earlier = options.compare && earlierRun(options.compare);
if (isInUse())
  fail('A process has the section dllmemfilemap open, and this would overwrite its text: end that process.');
if (!options.quick) installPeers();

const folder = makeFolder();
const comparisons = [];
try {
  const groups = [oneProcess, memory, structs, twoProcesses, waiting, watching, mirroring, scale, cpp, starting];
  for (const group of groups) comparisons.push(...(await group(folder)));
} finally {
  progressEnds();
  rmSync(folder, { recursive: true, force: true });
}
const on = machine();
console.log(report(comparisons, on));
if (earlier) console.log(`\n${changes(earlier, comparisons)}`);
if (options.json) writeFileSync(options.json, `${JSON.stringify({ ...on, comparisons }, null, 2)}\n`);
if (options.readme) {
  writeBetweenMarks(`${here}README.md`, report(comparisons, on));
  writeBetweenMarks(firstPage, summary(comparisons, on));
  writeFileSync(`${here}chart.svg`, chart(comparisons, on));
}
process.exit();
