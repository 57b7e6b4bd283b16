// The house rules that can be checked by a machine: who may import whom, where time and chance come from, how files are named and begin.
import fs from 'node:fs';
import { builtinModules, stripTypeScriptTypes } from 'node:module';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = path.join(import.meta.dirname, '..');

/** In order: a file imports from its own stage and from earlier ones. A stage is a folder or a single file of src. */
const STAGES: readonly (readonly string[])[] = [
  ['base'],
  ['db'],
  ['access'],
  ['catalog'],
  ['rules'],
  ['ingest'],
  ['segments'],
  ['evaluation'],
  ['membership'],
  ['changes'],
  ['reports'],
  ['webhooks'],
  ['pipeline.ts', 'write-steps.ts', 'strata.ts'], // the flow, its steps, and the parts that they are given
  ['open-strata.ts', 'lead.ts'], // the wiring, and what the leading process does by itself
  ['api'],
  ['app.ts', 'log.ts', 'open-tracing.ts', 'welcome.ts'],
  ['main.ts'],
  ['cli'],
];

/** Importable by every stage but these. */
const FOR_ALL = ['errors.ts', 'config.ts'];
const NOT_FOR = ['base', 'rules'];
/** All that the compiler may import from outside: it is pure, without database, clock or files. */
const PACKAGES_OF_RULES = ['drizzle-orm'];
const STAGES_OF_RULES = ['base', 'catalog', 'rules'];
/** The version is read from there. */
const OUTSIDE = ['package.json'];
const FACES = ['api', 'cli'];
/** Faces that are made from the table of routes (docs/decisions/0013-graphql.md). */
const ON_REST = ['graphql'];

interface Import {
  readonly specifier: string;
  /** erased when the file runs */
  readonly isType: boolean;
}

interface SourceFile {
  /** from the root, with slashes */
  readonly name: string;
  readonly text: string;
  /** comments blanked out */
  readonly code: string;
  readonly imports: readonly Import[];
}

function readFiles(folder: string, endings: readonly string[]): SourceFile[] {
  if (!fs.existsSync(path.join(ROOT, folder))) return [];
  return fs
    .readdirSync(path.join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => {
      const file = path.join(entry.parentPath, entry.name);
      const text = fs.readFileSync(file, 'utf8');
      const code = blankComments(text);
      return { name: path.relative(ROOT, file).split(path.sep).join('/'), text, code, imports: readImports(code) };
    });
}

/** Strings stay: an import and an SQL text are strings. */
function blankComments(text: string): string {
  const pieces = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;
  return text.replaceAll(pieces, (piece) => (piece.startsWith('//') || piece.startsWith('/*') ? ' ' : piece));
}

function readImports(code: string): Import[] {
  const statements = [...code.matchAll(/^(?:import|export)\s+(?:(type)\s+)?(?:[\w*{][^'";]*?\s+from\s+)?'([^'\n]+)'/gm)];
  const dynamic = [...code.matchAll(/\bimport\(\s*'([^'\n]+)'/g)];
  return [
    ...statements.map((match) => ({ specifier: match[2] ?? '', isType: match[1] !== undefined })),
    ...dynamic.map((match) => ({ specifier: match[1] ?? '', isType: false })),
  ];
}

/** The page runs in browsers: built by Vite, and a caller of the API like any other. */
const PAGE = 'src/dashboard/';
const page = readFiles(PAGE, ['.ts', '.tsx']);
const sources = readFiles('src', ['.ts']).filter(({ name }) => !name.startsWith(PAGE));
const tests = readFiles('test', ['.ts']);
const byName = new Map(sources.map((file) => [file.name, file]));

function stageOf(name: string): string {
  return name.split('/')[1] ?? '';
}

/** The file of src that an import names; undefined for packages. */
function target(from: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? path.posix.normalize(path.posix.join(path.posix.dirname(from), specifier)) : undefined;
}

function packageOf(specifier: string): string {
  return specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : (specifier.split('/')[0] ?? '');
}

describe('reading the files', () => {
  test('every file and import is read', () => {
    const existing = fs.globSync('src/**/*.ts', { cwd: ROOT }).filter((name) => !name.startsWith(PAGE));
    expect(existing.length).toBeGreaterThan(20);
    expect(sources).toHaveLength(existing.length);
    for (const file of sources) {
      const begun = [...file.code.matchAll(/^import\b(?!\.meta)/gm)].length;
      const found = file.imports.filter(({ specifier }) => specifier !== '').length;
      expect.soft(found, `imports found in ${file.name}`).toBeGreaterThanOrEqual(begun);
    }
  });

  test('every file belongs to a stage', () => {
    const known = [...STAGES.flat(), ...FOR_ALL];
    expect(sources.filter((file) => !known.includes(stageOf(file.name))).map((file) => file.name)).toEqual([]);
  });

  test('every relative import names a file', () => {
    const missing = sources.flatMap((file) =>
      file.imports
        .map(({ specifier }) => target(file.name, specifier))
        .filter((name) => name !== undefined && !byName.has(name) && !OUTSIDE.includes(name))
        .map((name) => `${file.name} -> ${name}`),
    );
    expect(missing).toEqual([]);
  });
});

describe('who imports whom', () => {
  test('stages import only from earlier ones', () => {
    const rank = (stage: string) => STAGES.findIndex((files) => files.includes(stage));
    const wrong = sources.flatMap((file) =>
      file.imports.flatMap(({ specifier }) => {
        const name = target(file.name, specifier);
        if (name === undefined || OUTSIDE.includes(name)) return [];
        const [from, to] = [stageOf(file.name), stageOf(name)];
        const isAllowed = FOR_ALL.includes(to) ? !NOT_FOR.includes(from) : FOR_ALL.includes(from) ? to === 'base' : rank(to) <= rank(from);
        return isAllowed ? [] : [`${file.name} -> ${name}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  test('faces stand on REST, or on none', () => {
    const faceOf = (name: string) => (name.split('/').length > 3 ? name.split('/')[2] : undefined);
    const wrong = sources
      .filter((file) => stageOf(file.name) === 'api')
      .flatMap((file) =>
        file.imports.flatMap(({ specifier }) => {
          const name = target(file.name, specifier);
          if (name === undefined || stageOf(name) !== 'api' || faceOf(name) === undefined || faceOf(name) === faceOf(file.name)) return [];
          if (ON_REST.includes(faceOf(file.name) ?? '') && faceOf(name) === 'rest') return [];
          return [`${file.name} -> ${name}`];
        }),
      );
    expect(wrong).toEqual([]);
  });

  test('rules are pure, whatever they reach', () => {
    const wrong: string[] = [];
    const seen = new Set<string>();
    const follow = (name: string, way: readonly string[]) => {
      if (seen.has(name)) return;
      seen.add(name);
      for (const { specifier, isType } of byName.get(name)?.imports ?? []) {
        if (isType) continue;
        const next = target(name, specifier);
        const trail = [...way, next ?? specifier].join(' -> ');
        if (next === undefined) {
          const isOwn = stageOf(name) === 'rules';
          const isImpure =
            specifier.startsWith('node:') || builtinModules.includes(specifier) || ['pg', 'pino', 'undici'].includes(specifier);
          if (isOwn ? !PACKAGES_OF_RULES.includes(packageOf(specifier)) : isImpure) wrong.push(trail);
        } else if (!STAGES_OF_RULES.includes(stageOf(next)) || next === 'src/base/clock.ts') {
          wrong.push(trail);
        } else {
          follow(next, [...way, next]);
        }
      }
    };
    for (const file of sources) if (stageOf(file.name) === 'rules') follow(file.name, [file.name]);
    expect(seen.size).toBeGreaterThan(5);
    expect(wrong).toEqual([]);
  });

  test('the page imports nothing of the service', () => {
    const wrong = page.flatMap((file) =>
      file.imports
        .filter(({ specifier, isType }) => !isType && specifier.startsWith('.'))
        .map(({ specifier }) => path.posix.join(path.posix.dirname(file.name), specifier))
        .filter((name) => !name.startsWith(PAGE))
        .map((name) => `${file.name} -> ${name}`),
    );
    expect(page.length).toBeGreaterThan(10);
    expect(wrong).toEqual([]);
  });

  test('faces hold no SQL', () => {
    const sql =
      /[`'"]\s*(?:select\s|insert\s+into\s|delete\s+from\s|update\s+\w+\s+(?:as\s+\w+\s+)?set\s|with\s+\w+\s+as\s)|\.query\(|\.pool\b/;
    const wrong = sources
      .filter((file) => FACES.includes(stageOf(file.name)))
      .filter((file) => sql.test(file.code) || file.imports.some(({ specifier }) => ['pg', 'drizzle-orm'].includes(packageOf(specifier))));
    expect(wrong.map((file) => file.name)).toEqual([]);
  });
});

describe('how files are written', () => {
  test('Node can run each as it is', () => {
    // its reader of types is another one than that of tsc and vitest, and refuses some of what they take
    const failure = (file: SourceFile) => {
      try {
        stripTypeScriptTypes(file.text);
        return [];
      } catch (error) {
        return [`${file.name}: ${error}`];
      }
    };
    expect([...sources, ...readFiles('bench', ['.ts'])].filter(({ name }) => !name.endsWith('.d.ts')).flatMap(failure)).toEqual([]);
  });

  test('time and chance come from one place', () => {
    const clocks = ['src/base/clock.ts', `${PAGE}clock.ts`];
    const taken = /\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\bnow\(\)|\bcurrent_timestamp\b/;
    const wrong = [...sources, ...page].filter(({ name, code }) => !clocks.includes(name) && taken.test(code));
    expect(wrong.map((file) => `${file.name}: ${taken.exec(file.code)?.[0]}`)).toEqual([]);
  });

  test('connections of our own hear of errors', () => {
    const opening = sources.filter(({ code }) => code.includes('new pg.Client('));
    expect(opening.length).toBeGreaterThan(2);
    const count = (code: string, what: string) => code.split(what).length - 1;
    const deaf = opening.filter(({ code }) => count(code, 'new pg.Client(') > count(code, ".on('error',"));
    expect(deaf.map(({ name }) => name)).toEqual([]); // one that breaks between two statements would end the process
  });

  test('each begins with what it is for', () => {
    const sql = readFiles('migrations', ['.sql']).filter((file) => !/^-- \S/.test(file.text));
    const code = [...sources, ...page, ...tests, ...readFiles('bench', ['.ts'])].filter(
      (file) => !/^(?:#![^\n]*\n)?\/\/ \S/.test(file.text),
    );
    expect([...sql, ...code].map((file) => file.name)).toEqual([]);
  });

  test('names say something', () => {
    const empty = /(?:^|\/)(?:utils?|helpers?|common|lib|types|services|index|misc)(?:\/|\.ts$)/;
    const wrong = [...sources, ...page, ...tests].filter(
      ({ name }) => empty.test(name) || !/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.test)?\.tsx?$/.test(path.basename(name)),
    );
    expect(wrong.map((file) => file.name)).toEqual([]);
  });

  test('nothing knows the machine it was written on', () => {
    const hostPath = /(?:^|[\s'"`(=:])\/(?:home|root|work|Users)\/[\w.-]/m;
    const everything = [
      ...['src', 'test', 'bench', 'migrations', 'docs', '.ci'].flatMap((folder) => readFiles(folder, ['.ts', '.js', '.sql', '.md', 'run'])),
      ...['README.md', 'package.json', 'Dockerfile', 'docker-compose.yml', 'openapi.yaml'].flatMap((name) => single(name)),
    ].filter((file) => file.name !== 'test/tidy.test.ts');
    expect(everything.length).toBeGreaterThan(sources.length);
    expect(everything.filter((file) => hostPath.test(file.text)).map((file) => file.name)).toEqual([]);
  });

  test('comments and pages name files there are', () => {
    const code = [...sources, ...page, ...tests, ...readFiles('bench', ['.ts']), ...readFiles('migrations', ['.sql'])];
    const pages = [...readFiles('docs', ['.md']), ...single('README.md')];
    const names = [...code, ...pages].map(({ name }) => name);
    const isThere = (named: string) => names.some((name) => name === named || name.endsWith(`/${named}`));
    const inComments = code.flatMap(({ name, text }) =>
      [...text.matchAll(/\/\/ [^\n]*|\/\*[\s\S]*?\*\/|^--[^\n]*/gm)].flatMap(([comment]) =>
        [...comment.matchAll(/[\w/.-]*\w\.(?:tsx?|md|sql)\b/g)].map(([named]) => ({ name, named })),
      ),
    );
    const inPages = pages.flatMap(({ name, text }) =>
      [...text.matchAll(/`([\w/.-]*\w\.(?:tsx?|sql))`/g)].map(([, named = '']) => ({ name, named })),
    );
    const linked = pages.flatMap(({ name, text }) =>
      [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => ({
        name,
        link: path.posix.join(path.posix.dirname(name), link),
      })),
    );
    expect([inComments, inPages, linked].map((found) => found.length > 5)).toEqual([true, true, true]);
    const missing = [...inComments, ...inPages].filter(({ named }) => !isThere(named)).map(({ name, named }) => `${name}: ${named}`);
    const dead = linked.filter(({ link }) => !fs.existsSync(path.join(ROOT, link))).map(({ name, link }) => `${name}: ${link}`);
    expect([...missing, ...dead]).toEqual([]);
  });

  test('test titles are short statements', () => {
    const titles = tests.flatMap((file) =>
      [...file.code.matchAll(/^\s*(?:test|it|\]\)|\))(?:\.\w+(?:\([^)\n]*\))?)*\(\s*(['"`])(.+?)\1\s*,/gm)].map((match) => ({
        file: file.name,
        title: match[2] ?? '',
      })),
    );
    const wrong = titles.filter(({ title }) => title.split(/\s+/).length > 8 || /\bshould\b/i.test(title));
    expect(titles.length).toBeGreaterThan(20);
    expect(wrong.map(({ file, title }) => `${file}: ${title}`)).toEqual([]);
  });
});

function single(name: string): SourceFile[] {
  const file = path.join(ROOT, name);
  return fs.existsSync(file) ? [{ name, text: fs.readFileSync(file, 'utf8'), code: '', imports: [] }] : [];
}
