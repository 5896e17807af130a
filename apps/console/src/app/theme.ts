import { createTheme, localStorageColorSchemeManager } from '@mantine/core';

/** Colours live in styles/tokens.css, so that the page needs no inline style element and its policy no nonce. */
export const theme = createTheme({
  fontFamily: 'var(--rd-font)',
  primaryColor: 'blue',
  primaryShade: 9,
  defaultRadius: 'sm',
  respectReducedMotion: true,
  components: {
    // The scroll lock of the library writes a style element; styles/base.css locks the page instead.
    Modal: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' }, lockScroll: false, centered: true, transitionProps: { duration: 120 } } },
    Drawer: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' }, lockScroll: false, transitionProps: { duration: 120 } } },
    Tabs: { defaultProps: { keepMounted: false } },
  },
});

/** Remembers the person's choice; public/theme.js reads the same key before the first paint. */
export const colorSchemes = localStorageColorSchemeManager({ key: 'rondo-color-scheme' });
