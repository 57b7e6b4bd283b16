// The page's entry: mounts it, in the language and the appearance of this browser.
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Page } from './page.tsx';
import { applyTheme } from './parts/theme.ts';
import './style.css';
import { Spoken } from './texts/texts.tsx';

applyTheme();
const root = document.getElementById('page');
if (root === null) throw new Error('index.html has no #page');
createRoot(root).render(
  <StrictMode>
    <Spoken>
      <Page />
    </Spoken>
  </StrictMode>,
);
