import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { dllPath, kernel32Path } from '../dist/win32/native-library.js';

const root = fileURLToPath(new URL('..', import.meta.url));

/** A copy of the built package, whose files a test may spoil. Its `dist`, and its libraries. */
export function copyPackage(): { dist: string; dll: string; kernel32: string } {
  const copy = mkdtempSync(join(root, 'build/copy-'));
  onTestFinished(() => rmSync(copy, { recursive: true }));
  cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(copy, 'package.json'));
  const libraries = relative(root, dirname(dllPath()));
  cpSync(join(root, libraries), join(copy, libraries), { recursive: true });
  const inCopy = (path: string) => join(copy, libraries, basename(path));
  return { dist: join(copy, 'dist'), dll: inCopy(dllPath()), kernel32: inCopy(kernel32Path()) };
}

/** Makes a library one for another processor: in its header, which is all that is looked at. */
export function turnIntoArm64(image: Buffer): void {
  const isPe = image.toString('latin1', 0, 2) === 'MZ';
  const [offset, arm64] = isPe ? [image.readUInt32LE(0x3c) + 4, 0xaa64] : [18, 183];
  image.writeUInt16LE(arm64, offset);
}
