import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PROGRAM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));

/** False, with the reason printed, where there is no Chromium; under CI that is a failure. */
export const hasChromium: boolean = PROGRAM !== undefined;

if (!hasChromium) {
  const reason = 'no Chromium here (apt-get install chromium): tests in a browser are skipped';
  if (process.env['CI'] === 'true') throw new Error(reason);
  process.stderr.write(`${reason}\n`);
}

/** Chromium that calls nobody by itself. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: PROGRAM ?? '',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
