import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Clock } from '../core/ports.ts';
import type { Problem } from '../core/problem.ts';
import type { Secret } from '../core/secret.ts';
import type { JsonFetch } from './json-fetch.ts';
import { identityUnavailable, unauthenticated } from './refusal.ts';
import type { ParsedToken } from './token.ts';

/** What the API server says of a token (authentication.k8s.io/v1 TokenReview, `status`). */
export interface ReviewAnswer {
  readonly authenticated: boolean;
  readonly username: string;
  readonly audiences: readonly string[];
}

/** Asks a cluster; rejects when there is no answer. */
export type TokenReviewer = (token: string, audiences: readonly string[]) => Promise<ReviewAnswer>;

/** How long an answer counts. */
const KEPT_MS = 30_000;

/** Holds a verified token against the cluster's own word. A rejected review is a fault, never a denial. */
export function createTokenReview(options: {
  readonly source: string;
  readonly audience: readonly string[];
  readonly reviewer: TokenReviewer;
  readonly clock: Clock;
}): (token: ParsedToken) => Promise<Problem | undefined> {
  const { source, audience, reviewer, clock } = options;
  const answers = new LRUCache<string, { readonly answer: Promise<ReviewAnswer>; readonly askedAtMs: number }>({ max: 10_000 });
  return async (token) => {
    const nowMs = clock.now();
    let known = answers.get(token.digest);
    if (known === undefined || nowMs - known.askedAtMs >= KEPT_MS) {
      known = { answer: reviewer(token.compact, audience), askedAtMs: nowMs };
      answers.set(token.digest, known);
    }
    let answer: ReviewAnswer;
    try {
      answer = await known.answer;
    } catch (error) {
      if (answers.get(token.digest) === known) answers.delete(token.digest);
      return identityUnavailable(source, error);
    }
    const isSame = answer.authenticated && answer.username === token.unverified['sub'];
    if (isSame && answer.audiences.some((name) => audience.includes(name))) return undefined;
    return unauthenticated('CREDENTIAL_REVOKED', 'the cluster no longer vouches for this token');
  };
}

const reviewed = z.looseObject({
  status: z.looseObject({
    authenticated: z.boolean().default(false),
    error: z.string().optional(),
    // Of a token that it does not take, the API server names an empty user.
    user: z.looseObject({ username: z.string().default('') }).optional(),
    audiences: z.array(z.string()).default([]),
  }),
});

/** The reviewer over a cluster's API, authorised by a token that may create `tokenreviews`. */
export function clusterReviewer(options: {
  readonly apiServer: string;
  readonly bearer: () => Promise<Secret>;
  readonly fetchJson: JsonFetch;
}): TokenReviewer {
  const url = `${options.apiServer.replace(/\/$/, '')}/apis/authentication.k8s.io/v1/tokenreviews`;
  return async (token, audiences) => {
    const post = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences } };
    const answer = await options.fetchJson(url, { bearer: (await options.bearer()).reveal(), post });
    if (answer.status !== 201 && answer.status !== 200) throw new Error(`the token review answered with status ${answer.status}`);
    const { status } = reviewed.parse(answer.body);
    return { authenticated: status.authenticated, username: status.user?.username ?? '', audiences: status.audiences };
  };
}
