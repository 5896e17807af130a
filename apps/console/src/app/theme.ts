import { createTheme, localStorageColorSchemeManager } from '@mantine/core';

// The title bar of a dialog is a <header>; without this it would count as a second banner of the page.
const NO_BANNER = { header: { role: 'presentation' } };

/** Colours live in styles/tokens.css, so that the page needs no inline style element and its policy no nonce. */
export const theme = createTheme({
  fontFamily: 'var(--rd-font)',
  primaryColor: 'blue',
  primaryShade: 9,
  defaultRadius: 'sm',
  respectReducedMotion: true,
  components: {
    // The scroll lock of the library writes a style element; styles/base.css locks the page instead.
    Modal: {
      defaultProps: {
        closeButtonProps: { 'aria-label': 'Close' },
        lockScroll: false,
        centered: true,
        attributes: NO_BANNER,
        transitionProps: { duration: 120 },
      },
    },
    Drawer: {
      defaultProps: {
        closeButtonProps: { 'aria-label': 'Close' },
        lockScroll: false,
        attributes: NO_BANNER,
        transitionProps: { duration: 120 },
      },
    },
    Tabs: { defaultProps: { keepMounted: false } },
  },
});

/** Remembers the person's choice; public/theme.js reads the same key before the first paint. */
export const colorSchemes = localStorageColorSchemeManager({ key: 'rondo-color-scheme' });
