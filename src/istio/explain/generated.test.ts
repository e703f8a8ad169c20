import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeCase } from '../../../test/istio-oracle/generate/set.ts';
import { readCase, readIdentities } from '../cases/case.ts';
import { compileChain } from '../compile/chain.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import type { RequestFacts } from '../facts.ts';
import { NEWEST } from '../profile.ts';
import type { RequestDraft } from '../request/draft.ts';
import type { Target } from '../target/target.ts';
import { explain } from './explain.ts';
import type { Decider } from './explanation.ts';

const IDENTITIES = readFileSync(join(import.meta.dirname, '../../../test/istio-oracle/identities.json'), 'utf8');

describe('explanations of generated policies and requests', () => {
  it('give the verdict of the evaluator, and what decided it', () => {
    const decided = new Map<Decider, number>();
    for (let index = 0; index < 60; index += 1) {
      const text = JSON.stringify(makeCase(79, index, JSON.parse(IDENTITIES)));
      const { model, workload, requests } = readCase(JSON.parse(text), {
        identities: readIdentities(IDENTITIES),
        now: 1_800_000_000,
      });
      for (const { metadata: _, askAuthoriser: __, now, ...facts } of requests) {
        const { peer, sni, ...rest } = facts;
        const draft: RequestDraft = { ...rest, peer: peer ?? 'none', ...(sni === undefined ? {} : { sni }) };
        const target: Target = {
          workload,
          title: 't',
          place: undefined,
          localPort: facts.localPort,
          treatment: 'sniffed',
          authority: '',
          notes: [],
        };
        const answer = explain({ model, target, draft, profile: NEWEST, now });
        const asked: RequestFacts = { ...facts, metadata: {}, now };
        const verdict = evaluate(compileChain(model, workload, facts.transport, NEWEST), asked);
        // Tokens in parameters have no text, only what stands for it.
        const path = verdict.path?.replace(/[\ue000-\uf8ff]/g, '(a token)');
        expect(answer.verdict).toEqual(path === undefined ? verdict : { ...verdict, path });
        decided.set(answer.decided, (decided.get(answer.decided) ?? 0) + 1);
        const logged = answer.matches.filter((rule) => rule.logged);
        switch (answer.decided) {
          case 'deny-rule':
          case 'broken-custom':
            expect(logged.map(({ id }) => id)).toEqual([answer.verdict.id]);
            expect(logged[0]?.lacking).toEqual([]);
            break;
          case 'no-allow-rule':
            expect(answer.allowPolicies.length).toBeGreaterThan(0);
            expect(answer.matches.filter(({ action }) => action === 'ALLOW')).toEqual([]);
            expect(answer.nearest.filter(({ lacking }) => lacking.length === 0)).toEqual([]);
            break;
          case 'allow-rule':
            expect(answer.matches.filter(({ action }) => action === 'ALLOW').length).toBeGreaterThan(0);
            break;
          case 'token':
            expect(answer.token?.why.length).toBeGreaterThan(0);
            break;
          case 'unknown':
            if (answer.verdict.reason === 'authoriser-not-asked') expect(answer.custom[0]?.branches?.denied.v).toBe('deny');
            break;
          case 'no-allow-policy':
            expect(answer.nearest).toEqual([]);
            break;
          default:
            expect(answer.decided).toBe('proxy');
        }
      }
    }
    for (const kind of ['deny-rule', 'no-allow-rule', 'allow-rule', 'no-allow-policy', 'token', 'unknown', 'proxy'] as const) {
      expect(decided.get(kind) ?? 0, kind).toBeGreaterThan(5);
    }
  });
});
