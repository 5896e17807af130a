// Sets the colour scheme before the first paint; a file of its own because the page's policy forbids inline scripts.
(function () {
  var stored = null;
  try {
    stored = localStorage.getItem('rondo-color-scheme');
  } catch (error) {
    // Storage is off: follow the system.
  }
  var dark = stored === 'dark' || (stored !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light');
})();
