/**
 * Builds the libraries that the npm package brings, each for its platform into build/<target>, and removes dist, which
 * has to be compiled anew. "npm pack" and "npm publish" do this before they pack. Runs on Linux x64, as any user.
 *
 *     node dll/package.mjs               for every target
 *     node dll/package.mjs TARGET …      for these alone, such as linux-x64-musl
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { crossBuild, targets } from './packaging/cross-compiler.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const chosen = process.argv.length > 2 ? process.argv.slice(2) : targets;

try {
  const unknown = chosen.find((target) => !targets.includes(target));
  if (unknown !== undefined) throw new Error(`${unknown} is none of ${targets.join(', ')}`);
  for (const folder of ['dist', 'build/package']) rmSync(join(root, folder), { recursive: true, force: true });
  for (const target of chosen) {
    console.error(`Building for ${target} …`);
    const output = join(root, 'build', target);
    rmSync(output, { recursive: true, force: true });
    crossBuild(target, {
      tree: join(root, 'build/package', target),
      output,
      products: ['dllmemfilemap'],
      definitions: { DLLMEMFILEMAP_TESTS: 'OFF' },
    });
  }
} catch (error) {
  console.error(`Cannot make the package: ${error.message}`);
  process.exitCode = 1;
}
