type Variables = Readonly<Record<string, string | undefined>>;

/** What any program needs to run at all. */
const BASIC = ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TMPDIR', 'SYSTEMROOT'];
/** What pip may need of the outside. Its own settings (`PIP_…`) go along too. */
const NETWORK = /^(PIP_.+|(https?|all|no)_proxy|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE)$/i;
/** pip settings that would change what is installed or where. */
const STEERING =
  /^PIP_(TARGET|PREFIX|ROOT|USER|REQUIREMENT|CONSTRAINT|BUILD_CONSTRAINT|NO_BINARY|ONLY_BINARY|PRE|REQUIRE_VIRTUALENV|PYTHON|PLATFORM|DRY_RUN)$/i;

/** Environment of Prefect's processes: nothing of the person's own Prefect settings, no proxy, since all they call is loopback. */
export function childEnvironment(outer: Variables, own: Readonly<Record<string, string>>): Record<string, string> {
  const kept = BASIC.flatMap((name) => (outer[name] === undefined ? [] : [[name, outer[name]] as const]));
  return { ...Object.fromEntries(kept), PYTHONUNBUFFERED: '1', PYTHONUTF8: '1', NO_PROXY: '*', ...own };
}

/** Environment of pip: with the person's proxy, index and certificates. */
export function installEnvironmentVariables(outer: Variables): Record<string, string> {
  const names = Object.keys(outer).filter((name) => BASIC.includes(name) || (NETWORK.test(name) && !STEERING.test(name)));
  return Object.fromEntries(names.flatMap((name) => (outer[name] === undefined ? [] : [[name, outer[name]] as const])));
}
