// In charge of what is on every view: navigation, language, appearance, whether the page is live; and of which view belongs to a place.
import { type ComponentType, Suspense, useEffect, useRef } from 'react';
import { Problem } from './api/call.ts';
import { LiveChanges, useLive } from './api/live.tsx';
import { Fault } from './parts/fault.tsx';
import { lazyPart } from './parts/lazy-part.ts';
import { LeaveDialog } from './parts/leave-dialog.tsx';
import { Empty, Loading } from './parts/reading.tsx';
import { chooseTheme, type Theme, useTheme } from './parts/theme.ts';
import { afterAsking, hrefOf, type Place, usePlace } from './route.ts';
import { signOut, useKey } from './session.ts';
import { type Language, useSpoken, useTexts } from './texts/texts.tsx';
import { Overview } from './views/overview.tsx';
import { SignIn } from './views/sign-in.tsx';

export interface ViewProps {
  readonly place: Place;
}

/** By the first part of the place. All but the first view are loaded when they are first shown. */
const VIEWS: Readonly<Record<string, ComponentType<ViewProps>>> = {
  '': Overview,
  segments: lazyPart(() => import('./views/segment.tsx')),
  'new-segment': lazyPart(() => import('./views/new-segment.tsx')),
  customers: lazyPart(() => import('./views/customers.tsx')),
  groups: lazyPart(() => import('./views/groups.tsx')),
  reports: lazyPart(() => import('./views/reports.tsx')),
  runs: lazyPart(() => import('./views/runs.tsx')),
  webhooks: lazyPart(() => import('./views/webhooks.tsx')),
  keys: lazyPart(() => import('./views/keys.tsx')),
  audit: lazyPart(() => import('./views/audit.tsx')),
};

/** In the order of the navigation: the first part of the place, and the key of its name in the texts. */
const NAVIGATION = [
  ['', 'overview'],
  ['customers', 'customers'],
  ['groups', 'groups'],
  ['reports', 'reports'],
  ['runs', 'runs'],
  ['webhooks', 'webhooks'],
  ['keys', 'keys'],
  ['audit', 'audit'],
] as const;

export function Page() {
  return useKey() === null ? <SignIn /> : <SignedIn />;
}

function SignedIn() {
  const { nav } = useTexts();
  return (
    <LiveChanges>
      <button type="button" className="skip" onClick={() => document.getElementById('content')?.focus()}>
        {nav.skip}
      </button>
      <div className="frame">
        <Sidebar />
        <Content />
      </div>
      <LeaveDialog />
    </LiveChanges>
  );
}

function Sidebar() {
  const { name, nav, signOut: signOutText } = useTexts();
  const { path } = usePlace();
  const links = useRef<HTMLElement>(null);
  const [first = ''] = path;
  // in a narrow window the links are in one row, which may have to be scrolled to the current one
  // biome-ignore lint/correctness/useExhaustiveDependencies: another place marks another link
  useEffect(() => {
    const link = links.current?.querySelector<HTMLElement>('[aria-current]');
    if (link != null) links.current?.scrollTo({ left: link.offsetLeft - 2 * link.offsetWidth });
  }, [first]);
  return (
    <div className="sidebar">
      <a className="brand" href={hrefOf([])}>
        <img src={new URL('./icon.svg', import.meta.url).href} alt="" width="28" height="28" />
        {name}
      </a>
      <nav ref={links} aria-label={nav.label}>
        {NAVIGATION.map(([first, text]) => (
          <a key={first} href={hrefOf(first === '' ? [] : [first])} aria-current={(path[0] ?? '') === first ? 'page' : undefined}>
            {nav[text]}
          </a>
        ))}
      </nav>
      <div className="sidebar-foot">
        <LiveMark />
        <LanguageChoice />
        <ThemeChoice />
        <button type="button" onClick={() => afterAsking(signOut)}>
          {signOutText}
        </button>
      </div>
    </div>
  );
}

function LiveMark() {
  const { live: texts } = useTexts();
  const { state } = useLive();
  return (
    <span className={`live live-${state}`} role="status">
      {texts[state]}
    </span>
  );
}

function LanguageChoice() {
  const { language, speak, texts } = useSpoken();
  return (
    <select aria-label={texts.language} value={language} onChange={(event) => speak(event.target.value as Language)}>
      <option value="en">English</option>
      <option value="zh">中文</option>
    </select>
  );
}

function ThemeChoice() {
  const { theme: texts } = useTexts();
  const theme = useTheme();
  return (
    <select aria-label={texts.title} value={theme} onChange={(event) => chooseTheme(event.target.value as Theme)}>
      <option value="system">{texts.system}</option>
      <option value="light">{texts.light}</option>
      <option value="dark">{texts.dark}</option>
    </select>
  );
}

function Content() {
  const place = usePlace();
  const { state, name } = useTexts();
  const main = useRef<HTMLElement>(null);
  const where = place.path.join('/');
  const View = Object.hasOwn(VIEWS, place.path[0] ?? '') ? VIEWS[place.path[0] ?? ''] : undefined;
  // a new view starts at its top, and the keyboard and the screen reader continue from there
  useEffect(() => {
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
    document.title = where === '' ? name : `${where} · ${name}`;
  }, [where, name]);
  const sayFault = (error: unknown) => (
    <Empty title={error instanceof Problem && error.code === 'unreachable' ? state.unreachable : state.crashed}>
      <button type="button" onClick={() => window.location.reload()}>
        {state.reload}
      </button>
    </Empty>
  );
  return (
    <main id="content" ref={main} tabIndex={-1}>
      <Fault key={where} show={sayFault}>
        <Suspense fallback={<Loading />}>{View === undefined ? <NotFound /> : <View place={place} />}</Suspense>
      </Fault>
    </main>
  );
}

function NotFound() {
  const { state } = useTexts();
  return (
    <Empty title={state.notFound}>
      <a href={hrefOf([])}>{state.home}</a>
    </Empty>
  );
}
