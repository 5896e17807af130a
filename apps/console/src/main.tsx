import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { queryClient, router } from './app/router.js';
import { colorSchemes, theme } from './app/theme.js';
import './styles/index.css';

// A part that is gone belongs to a version that was replaced while this page was open; loading again brings the new one.
addEventListener('vite:preloadError', (event) => {
  const at = Number(sessionStorage.getItem('rondo.reloaded') ?? 0);
  if (Date.now() - at < 60_000) return;
  sessionStorage.setItem('rondo.reloaded', String(Date.now()));
  event.preventDefault();
  location.reload();
});

const element = document.getElementById('root');
if (element === null) throw new Error('index.html has no #root');
createRoot(element).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      colorSchemeManager={colorSchemes}
      defaultColorScheme="auto"
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
