// In charge of the language, and of dates, numbers and money as one writes them there. All texts of the page stand in en.ts and zh.ts.
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { en, type Texts } from './en.ts';
import { type Formats, formatsFor } from './formats.ts';
import { zh } from './zh.ts';

const LANGUAGES = { en, zh } as const;
export type Language = keyof typeof LANGUAGES;

interface Spoken {
  readonly language: Language;
  readonly texts: Texts;
  readonly formats: Formats;
  readonly speak: (language: Language) => void;
}

const NAME = 'strata.language';
const SpokenContext = createContext<Spoken | null>(null);

function firstLanguage(): Language {
  const kept = localStorage.getItem(NAME);
  if (kept === 'en' || kept === 'zh') return kept;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

export function Spoken({ children }: { readonly children: ReactNode }) {
  const [language, setLanguage] = useState(firstLanguage);
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-Hans' : 'en';
  }, [language]);
  const spoken = useMemo(
    () => ({
      language,
      texts: LANGUAGES[language],
      formats: formatsFor(language),
      speak: (next: Language) => {
        localStorage.setItem(NAME, next);
        setLanguage(next);
      },
    }),
    [language],
  );
  return <SpokenContext value={spoken}>{children}</SpokenContext>;
}

export function useSpoken(): Spoken {
  const spoken = useContext(SpokenContext);
  if (spoken === null) throw new Error('outside of <Spoken>');
  return spoken;
}

export function useTexts(): Texts {
  return useSpoken().texts;
}

export function useFormats(): Formats {
  return useSpoken().formats;
}
