import type { OperationClass } from '../core/access.ts';
import type { Caller } from '../core/caller.ts';
import type { Problem } from '../core/problem.ts';
import type { Secret } from '../core/secret.ts';
import type { RequestHead } from '../wire/call.ts';

/** What other rooms know of identity. Types only; `identity.ts` builds the real ones. */

/** Who a call comes from, or why nobody could be named. */
export type Identified =
  | {
      readonly kind: 'caller';
      readonly caller: Caller;
      readonly credential: Credential;
      /** How much a denial may tell this caller: `disclose` of the source that proved it. */
      readonly disclose: 'rule' | 'none';
    }
  | { readonly kind: 'anonymous'; readonly caller: Caller }
  | {
      readonly kind: 'refused';
      readonly problem: Problem;
      /** A workload's token that is valid but for its expiry: answered in the own-fault form, never as 401. */
      readonly held?: boolean;
    };

/** What proved the caller; nothing here opens a door. */
export interface Credential {
  readonly kind: 'bearer' | 'session' | 'program_token';
  /** SHA-256 of the credential in hex, safe to log; `shared-secret:TARGET` for a target's own secret. */
  readonly id: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs?: number;
  readonly viaCookie: boolean;
  /** Ids of the credentials that this one came from (the sign-in of a token): revoking one of them revokes this too. */
  readonly ancestors?: readonly string[];
}

export interface IdentifyInput {
  readonly head: RequestHead;
  readonly peer: Caller['peer'];
  /** Name of the target; `fairlead` for the control origin. */
  readonly target: string;
  /** Scheme, host and port under which clients reach this target, as browsers write it: no default port, no slash. */
  readonly origin: string;
}

export interface Authenticator {
  /** Never throws for what a client sent; a fault of ours is `refused` with a Problem of kind `fault`. */
  identify(input: IdentifyInput): Promise<Identified>;
  /** For credentials that arrive in a frame. */
  identifyToken(token: string, input: { readonly peer: Caller['peer']; readonly target: string }): Promise<Identified>;
  /**
   * The live check of a source with `tokenReview` for write, act, secret and invoke, cached for 30 s at most. Undefined: go on.
   * Call it after classification, with the very object that `identify` gave.
   */
  confirm?(identified: Identified, operationClass: OperationClass): Promise<Problem | undefined>;
}

export type RevocationTest = (caller: Caller, credential: Credential) => boolean;

export interface Revocation {
  readonly kind: 'subject' | 'session' | 'token';
  /** `user:ada@acme.com`, or the id of a session or token. */
  readonly value: string;
  readonly by: string;
  readonly atMs: number;
  /** Credentials issued later are refused too, until it is lifted. */
  readonly block: boolean;
}

export interface Revocations {
  isRevoked(caller: Caller, credential: Credential): boolean;
  /** Takes effect before the promise resolves; resolves when it is on disk. Exactly one of subject, session and token. */
  revoke(input: {
    readonly subject?: string;
    readonly session?: string;
    readonly token?: string;
    readonly by: string;
    readonly block?: boolean;
  }): Promise<void>;
  /** Lets a subject sign in again; credentials from before the revocation stay refused. */
  lift(subject: string): Promise<void>;
  list(): Promise<readonly Revocation[]>;
  /** Called at once with a test for what was revoked just now; returns the way to stop listening. */
  onRevoked(listener: (isRevoked: RevocationTest) => void): () => void;
}

/** A caller without the connection it came by, as kept in the store. */
export type KnownCaller = Omit<Caller, 'peer'>;

export interface ProgramToken {
  /** SHA-256 of the token. */
  readonly id: string;
  readonly caller: KnownCaller;
  /** What its owner calls it. */
  readonly label: string;
  /** Targets that accept it; empty means all. */
  readonly targets: readonly string[];
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly ancestors: readonly string[];
}

export interface MintInput {
  readonly caller: Caller | KnownCaller;
  /** The credential that the caller showed: the token never outlives a program token it came from, and falls with it. */
  readonly credential?: Credential;
  readonly ttlMs: number;
  readonly label?: string;
  readonly targets?: readonly string[];
}

export interface ProgramTokens {
  /** The longest life that a token is given: `sessions.tokens`. */
  readonly maxTtlMs: number;
  /** Problems: `TOKEN_TTL_INVALID`, `TOKEN_SUBJECT_INVALID`, `TOKEN_LABEL_INVALID` (invalid), `CREDENTIAL_REVOKED`. */
  mint(input: MintInput): Promise<{ readonly token: Secret; readonly details: ProgramToken }>;
  /** Of one subject (`user:ada@acme.com`), or of everybody. */
  list(subject?: string): Promise<readonly ProgramToken[]>;
  /** Deletes it, refuses it everywhere at once and closes its streams. False when there is none. */
  revoke(id: string, by: string): Promise<boolean>;
}

/** A whole `Set-Cookie` value. */
export type SetCookie = string;

/** One sign-in on the control origin, with all that was derived from it. */
export interface SessionSummary {
  /** Credential id of the session on the control origin. */
  readonly id: string;
  readonly caller: KnownCaller;
  /** Origins that it reaches: the control origin's own first, then targets. */
  readonly origins: readonly string[];
  readonly authenticatedAtMs: number;
  /** When it ends if it is not used again. */
  readonly idleEndsAtMs: number;
  readonly endsAtMs: number;
}

export interface Sessions {
  /**
   * Starts a session on one origin, always under a new id; a session that the browser held there before (`previous`, the cookie's
   * value) ends. `authenticatedAtMs` is when the person proved who they are; `parent` is the credential id of the session on the
   * control origin from which this one is derived. Problem `CREDENTIAL_REVOKED` when the provider has ended it meanwhile.
   */
  start(input: {
    readonly origin: string;
    readonly caller: Caller | KnownCaller;
    readonly authenticatedAtMs: number;
    readonly previous?: string;
    readonly parent?: string;
    readonly absoluteEndMs?: number;
    /** The provider's own name of its session, by which it may end this one. */
    readonly providerSession?: string;
  }): Promise<{ readonly setCookie: SetCookie; readonly id: string }>;
  /** Signs out: this session, the one it came from and all that came from that, on the server. Gives the cookie that clears. */
  end(input: { readonly origin: string; readonly credential: Credential }): Promise<SetCookie>;
  /** Sessions that live, oldest first, of one subject (`user:ada@acme.com`) or of everybody. */
  list(subject?: string): Promise<readonly SessionSummary[]>;
  /** As a sign-out by the session's own browser: its streams are closed, tokens made under it go on. False when there is none. */
  endById(id: string): Promise<boolean>;
  /** Value of this origin's own session cookie in a request, if there is exactly one. */
  cookieValue(head: RequestHead, origin: string): string | undefined;
}

/** A sign-in that succeeded. */
export interface SignedIn {
  readonly caller: KnownCaller;
  readonly authenticatedAtMs: number;
  /** `sid` of the provider's own session (OpenID Connect Back-Channel Logout 1.0 §2.1), when it says so. */
  readonly providerSession?: string;
  /** Where the browser wanted to go: a local path of the control origin. */
  readonly returnTo: string;
  /** Clears the state cookie. */
  readonly setCookie: SetCookie;
}

/** OIDC authorization code flow with PKCE, on the control origin. */
export interface Login {
  /** Sources at which people can sign in. */
  choices(): readonly { readonly source: string; readonly issuer: string }[];
  /** Path of a source's redirect URI on the control origin: `/login/callback/SOURCE`. */
  callbackPath(source: string): string;
  /** Problems: `LOGIN_SOURCE_UNKNOWN` (not_found), `IDENTITY_UNAVAILABLE` (fault). */
  start(input: {
    readonly source: string;
    readonly returnTo: string;
    readonly head: RequestHead;
  }): Promise<{ readonly location: string; readonly setCookie: SetCookie }>;
  /**
   * Problems: `LOGIN_STATE_INVALID` (invalid), `LOGIN_REFUSED` and `LOGIN_FAILED` (unauthenticated), those of tokens, and
   * `IDENTITY_UNAVAILABLE` (fault).
   */
  finish(input: { readonly source: string; readonly head: RequestHead }): Promise<SignedIn>;
}

/** Sign-outs at a provider that it tells of by itself. */
export interface ProviderLogout {
  /**
   * Ends the sign-ins that a logout token names and gives what was ended. Problems: `LOGIN_SOURCE_UNKNOWN` (not_found),
   * `LOGOUT_TOKEN_INVALID` (invalid), `IDENTITY_UNAVAILABLE` (fault).
   */
  accept(input: { readonly source: string; readonly logoutToken: string }): Promise<readonly SessionSummary[]>;
}

/** Brings a session from the control origin to a target's origin by a one-time code. */
export interface Handoff {
  /** On the target origin: where to send the browser, and the state cookie to set there. */
  begin(input: { readonly origin: string; readonly returnTo: string; readonly head: RequestHead }): {
    readonly location: string;
    readonly setCookie: SetCookie;
  };
  /** On the control origin, for a signed-in caller; takes the query of the URL that `begin` made. Problem `HANDOFF_INVALID`. */
  issue(input: {
    readonly query: RequestHead['query'];
    readonly caller: Caller;
    readonly credential: Credential;
  }): Promise<{ readonly location: string }>;
  /** On the target origin, at `/.fairlead/session`. Problems: `HANDOFF_INVALID` (invalid), `CREDENTIAL_REVOKED`. */
  redeem(input: { readonly origin: string; readonly head: RequestHead }): Promise<{
    readonly location: string;
    readonly setCookies: readonly SetCookie[];
  }>;
}

/** What `fairlead login` asks of the browser's session; shown to the person before `approve`. */
export interface CliLoginRequest {
  /** Of the listener on 127.0.0.1. */
  readonly port: number;
  /** S256 challenge of RFC 7636, 43 characters of base64url. */
  readonly challenge: string;
  /** Handed back untouched, so that the command knows its own answer. */
  readonly state: string;
  readonly label: string;
}

export interface CliLogin {
  /**
   * Reads `port`, `challenge`, `state` and `label` of `/login/cli?…`. Changes nothing: the page must ask, and `approve` belongs to
   * the POST that follows. Problem `CLI_LOGIN_INVALID`.
   */
  read(query: RequestHead['query']): CliLoginRequest;
  /** `http://127.0.0.1:PORT/callback?code=…&state=…`: the one-time code for the listener. */
  approve(input: {
    readonly request: CliLoginRequest;
    readonly caller: Caller;
    readonly credential: Credential;
  }): Promise<{ readonly location: string }>;
  /** The command shows code and verifier, and gets a program token. Problem `CLI_LOGIN_INVALID`. */
  exchange(input: {
    readonly code: string;
    readonly verifier: string;
  }): Promise<{ readonly token: Secret; readonly details: ProgramToken }>;
}

/** True for names in Fairlead's own cookie space; the gateway strips them before a call leaves. */
export type IsOwnCookie = (name: string) => boolean;
