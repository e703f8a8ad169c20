// `npm run bench`: every benchmark, one after the other. `npm run bench proxy sockets` runs those alone.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const ALL = ['start-up', 'record', 'proxy', 'sockets', 'prefect', 'istio', 'istio-diff'];
const chosen = process.argv.length > 2 ? process.argv.slice(2) : ALL;
let failed = 0;
for (const name of chosen) {
  console.log(`\n== ${name}`);
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, `${name}.ts`)], { stdio: 'inherit' });
  if (status !== 0) failed += 1;
}
process.exit(failed === 0 ? 0 : 1);
