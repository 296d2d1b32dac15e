/** What README.md says of Vitest, run by Vitest as it stands there. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));

test("the page's Vitest project passes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "leapday-vitest-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules", "leapday"));
  symlinkSync(join(root, "node_modules", "vitest"), join(folder, "node_modules", "vitest"));
  writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  const page = readFileSync(join(root, "README.md"), "utf8");
  const blocks = page.matchAll(
    /<!-- test: clients\/typescript\/test\/vitest\.test\.ts -->\n```js\n\/\/ (\S+)\n([^]*?)```\n/g,
  );
  const names = [...blocks].map(([, name = "", text = ""]) => {
    writeFileSync(join(folder, name), text);
    return name;
  });
  assert.deepEqual(names, ["sandbox.setup.js", "vitest.config.js", "billing.test.js"]);
  const vitest = join(folder, "node_modules", "vitest", "vitest.mjs");
  const { stdout } = await promisify(execFile)(process.execPath, [vitest, "run"], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: "1" },
  });
  assert.match(stdout, /Tests +2 passed/);
  rmSync(folder, { recursive: true });
});
