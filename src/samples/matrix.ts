// The documented sample as a matrix: C++ and Node as the parent, each with C++ and Node as the child.
import { spawnSync } from 'node:child_process';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { programPath } from '../win32/native-library.js';

const EXPECTED = 'This is a test string';

type Role = 'parent' | 'child';

/** How to start a program in each language. */
const LANGUAGES: Readonly<Record<string, (role: Role) => [string, ...string[]]>> = {
  'C++': (role) => [programPath(role)],
  Node: (role) => [execPath, fileURLToPath(new URL('../cli/main.js', import.meta.url)), role],
};

const results: Record<string, Record<string, string>> = {};
for (const [parentLanguage, parentCommand] of Object.entries(LANGUAGES)) {
  for (const [childLanguage, childCommand] of Object.entries(LANGUAGES)) {
    const [program, ...args] = parentCommand('parent');
    const commandLine = childCommand('child')
      .map((argument) => `"${argument}"`)
      .join(' ');
    console.log(`${parentLanguage} parent, ${childLanguage} child:`);
    const { stdout, stderr, error } = spawnSync(program, [...args, commandLine], { encoding: 'utf8' });
    process.stdout.write(stdout ?? '');
    process.stderr.write(stderr ?? '');
    const [, text] = /^Child process read from shared memory: (.*?)\r?$/m.exec(stdout ?? '') ?? [];
    results[`${parentLanguage} parent`] ??= {};
    (results[`${parentLanguage} parent`] as Record<string, string>)[`${childLanguage} child`] =
      text ?? error?.message ?? 'nothing';
  }
}

console.table(results);
const allRead = Object.values(results).every((row) => Object.values(row).every((text) => text === EXPECTED));
console.log(allRead ? `All four children read "${EXPECTED}".` : `Not every child read "${EXPECTED}".`);
process.exitCode = allRead ? 0 : 1;
