import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnsweredCase, Case } from './case.ts';
import { IDENTITIES } from './corpus.ts';
import { openDriver } from './drive/drive.ts';
import { translate } from './drive/translate.ts';
import { findEnvoy, findTranslator } from './tools.ts';

export type Answers =
  | { readonly kind: 'answered'; readonly cases: readonly AnsweredCase[]; readonly refused: readonly Refusal[] }
  | { readonly kind: 'missing'; readonly reason: string };

/** A set that Istio's code could not translate or Envoy would not load: there is no verdict to compare with. */
export interface Refusal {
  readonly id: string;
  readonly reason: string;
}

export interface AskOptions {
  readonly version: string;
  readonly onProgress?: (answered: number) => void;
}

/** Has Istio's own code translate the cases and a real Envoy answer their requests. */
export async function askEnvoy(cases: readonly Case[], { version, onProgress }: AskOptions): Promise<Answers> {
  const tools = [await findEnvoy(version), await findTranslator()];
  for (const tool of tools) if (tool.kind === 'missing') return tool;
  const [binary = '', translator = ''] = tools.map((tool) => (tool.kind === 'found' ? tool.path : ''));
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-oracle-'));
  const driver = await openDriver({ binary, version, folder, identities: IDENTITIES });
  try {
    const translations = await translate(translator, folder, cases, driver.keySet);
    const answered = new Map<string, AnsweredCase>();
    const refused: Refusal[] = [];
    for await (const outcome of driver.answer(cases, translations)) {
      if (outcome.kind === 'answered') answered.set(outcome.answered.id, outcome.answered);
      else refused.push({ id: outcome.id, reason: outcome.reason });
      onProgress?.(answered.size);
    }
    return { kind: 'answered', cases: cases.map(({ id }) => answered.get(id)).filter((one) => one !== undefined), refused };
  } finally {
    await driver.close();
    await rm(folder, { recursive: true, force: true });
  }
}
