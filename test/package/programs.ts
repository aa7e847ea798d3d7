import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { crossBuild } from '../../dll/packaging/cross-compiler.mjs';
import { root, tarball } from './user.js';

/**
 * Builds C++ programs for a target, with the tarball's libraries beside them.
 *
 * @returns their folder, as a path from the root
 */
export function buildPrograms(target: string, ...products: string[]): string {
  const folder = `build/programs/${target}`;
  const output = join(root, folder);
  crossBuild(target, { tree: `build/programs/trees/${target}`, output, products });
  // In the place of what was built beside the programs.
  execFileSync('tar', ['-xzf', tarball, '-C', output, '--strip-components=3', `package/build/${target}`]);
  return folder;
}
