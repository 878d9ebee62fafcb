// Tells what runs, or would once somebody clicked, and what is shown. `kind`: how this page shows messages.
const elements = 'html head title link script body main salver-messages ul li div span strong a p';
const drawn = 'b blockquote br code del em hr i ol pre s';
const attributes = ['class', 'id', 'type', 'role', 'rel', 'href', 'title', 'data-text',
  'data-salver-id', 'data-salver-level', 'data-salver-tag', 'data-salver-autoclose', 'data-turbo-temporary'];
const openings = () => {
  const known = new Set(`${elements} ${kind === 'markdown' ? drawn : ''}`.split(' '));
  const found = [];
  for (const element of document.querySelectorAll('*')) {
    const bad = [...element.attributes].some(attribute => !attributes.includes(attribute.name));
    // An address that cannot be read has the protocol `:`, and leads nowhere.
    const link = element.matches('a[href]') && !/^(https?)?:$/.test(element.protocol);
    if (!known.has(element.localName) || bad || link) found.push(element.outerHTML);
  }
  return found;
};
const all = selector => [...document.querySelectorAll(selector)];
const text = selector => all(selector).map(element => element.textContent);
const shown = {
  text: () => text('.salver-text'),
  title: () => text('.salver-message strong'),
  label: () => text('.salver-action'),
  link: () => all('.salver-action').map(element => element.getAttribute('href')),
  markdown: () => text('.salver-text').map(() => ''),
  template: () => all('p').map(p => [p.title, p.dataset.text, p.textContent])
    .map(([first, ...others]) => others.every(other => other === first) ? first : null),
  script: () => JSON.parse(document.getElementById('messages').textContent)
    .map(({ text, data }, n) => live[n].text === text && live[n].data === data && data === text ? text : null),
  tag: () => all('.salver-message').map(message => message.dataset.salverTag),
}[kind]();
const found = openings();
const own = kind === 'script' ? 3 : 1;
if (document.scripts.length !== own) found.push(`${document.scripts.length} scripts`);
// Frameworks write what is shown and read it again.
if (kind === 'markdown') for (const part of all('.salver-text')) part.innerHTML = part.innerHTML;
return { shown, openings: [...found, ...openings()], fired: window.fired, place: location.pathname };
