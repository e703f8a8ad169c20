import { z } from 'zod';
import { subjectText } from '../core/caller.ts';
import type { Clock, Randomness, Store } from '../core/ports.ts';
import { Secret } from '../core/secret.ts';
import { durationText } from '../core/units.ts';
import { isRandomText, randomText, sha256Hex } from './digest.ts';
import { knownCaller, withoutPeer, withPeer } from './known-caller.ts';
import type { MintInput, ProgramToken, ProgramTokens } from './port.ts';
import { invalid, revoked } from './refusal.ts';
import type { RevocationBook } from './revocation.ts';

const KIND = 'program-token';
const MAX_LABEL = 100;
const MAX_ANCESTORS = 8;
const NOWHERE = { address: '' };

const stored = z.strictObject({
  id: z.string(),
  caller: knownCaller,
  label: z.string(),
  targets: z.array(z.string()),
  issuedAtMs: z.number(),
  expiresAtMs: z.number(),
  ancestors: z.array(z.string()),
}) satisfies z.ZodType<ProgramToken>;

export interface ProgramTokenBook extends ProgramTokens {
  /** The token's record; undefined for anything that was not minted here, or has ended. Nothing is kept of what is not found. */
  find(token: string): Promise<ProgramToken | undefined>;
}

/** The stock Prefect client warns about keys with other prefixes. */
export function isProgramToken(text: string): boolean {
  return /^pn[ub]_/.test(text) && isRandomText(text.slice(4));
}

/** Opaque tokens for programs; the store keeps their SHA-256 only. */
export function createProgramTokens(options: {
  readonly store: Store;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly revocations: RevocationBook;
  readonly maxTtlMs: number;
}): ProgramTokenBook {
  const { store, clock, randomness, revocations, maxTtlMs } = options;

  return {
    maxTtlMs,
    async mint(input) {
      checkMint(input, maxTtlMs);
      const caller = withoutPeer(input.caller);
      // Between the check of the call and now, the credential may have been taken back; the new token would be younger than that.
      if (input.credential !== undefined && revocations.isRevoked(withPeer(caller, NOWHERE), input.credential)) throw revoked();
      const issuedAtMs = clock.now();
      const fromToken = input.credential?.kind === 'program_token' ? input.credential.expiresAtMs : undefined;
      const expiresAtMs = Math.min(issuedAtMs + input.ttlMs, fromToken ?? Number.POSITIVE_INFINITY);
      const text = `${caller.subject.kind === 'user' ? 'pnu_' : 'pnb_'}${randomText(randomness)}`;
      const details: ProgramToken = {
        id: sha256Hex(text),
        caller,
        label: input.label ?? '',
        targets: input.targets ?? [],
        issuedAtMs,
        expiresAtMs,
        ancestors: input.credential === undefined ? [] : [...(input.credential.ancestors ?? []), input.credential.id],
      };
      await store.put(KIND, details.id, details, { expiresAtMs });
      return { token: new Secret(text), details };
    },
    async find(token) {
      if (!isProgramToken(token)) return undefined;
      const value = await store.get(KIND, sha256Hex(token));
      if (value === undefined || value === null) return undefined;
      const details = stored.parse(value);
      return details.expiresAtMs > clock.now() ? details : undefined;
    },
    async list(subject) {
      const all = (await store.list(KIND)).map(({ value }) => stored.parse(value));
      return all.filter((details) => subject === undefined || subjectText(details.caller.subject) === subject);
    },
    async revoke(id, by) {
      const value = await store.get(KIND, id);
      if (value === undefined || value === null) return false;
      await revocations.revoke({ token: id, by });
      await store.delete(KIND, id);
      return true;
    },
  };
}

function checkMint(input: MintInput, maxTtlMs: number): void {
  if (!Number.isSafeInteger(input.ttlMs) || input.ttlMs < 1_000 || input.ttlMs > maxTtlMs) {
    const longest = durationText(maxTtlMs);
    throw invalid('TOKEN_TTL_INVALID', `a token lives between one second and \`${longest}\` here`, {
      hint: `ask for at most \`${longest}\`; \`sessions.tokens\` of the configuration sets it`,
    });
  }
  const { kind } = input.caller.subject;
  if (kind === 'anonymous' || kind === 'shared_secret') {
    throw invalid('TOKEN_SUBJECT_INVALID', 'a token can only be made for a person, a workload or an agent');
  }
  if ((input.credential?.ancestors?.length ?? 0) >= MAX_ANCESTORS) {
    throw invalid('TOKEN_SUBJECT_INVALID', 'a token made from a token made from a token, and so on, ends here: sign in again');
  }
  const { label = '', targets = [] } = input;
  if (label.length > MAX_LABEL || /\p{C}/u.test(label) || targets.length > 64) {
    throw invalid('TOKEN_LABEL_INVALID', `a label has at most ${MAX_LABEL} printable characters`);
  }
}
