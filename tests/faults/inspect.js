// Returns the scripts that ran, the elements that could run one after a click, and the rendered
// texts. `kind` is the place of the payload in the page.
const elements = 'html head title link script body main salver-messages ul li div span strong a p';
const markdownElements = 'b blockquote br code del em hr i ol pre s';
const allowedAttributes = ['class', 'id', 'type', 'role', 'rel', 'href', 'title', 'data-text',
  'data-salver-id', 'data-salver-level', 'data-salver-tag', 'data-salver-autoclose', 'data-turbo-temporary'];
const injectedElements = () => {
  const allowed = new Set(`${elements} ${kind === 'markdown' ? markdownElements : ''}`.split(' '));
  const found = [];
  for (const element of document.querySelectorAll('*')) {
    const hasOtherAttribute = [...element.attributes].some(attribute => !allowedAttributes.includes(attribute.name));
    // An invalid URL has the protocol `:` and cannot be opened.
    const hasUnsafeLink = element.matches('a[href]') && !/^(https?)?:$/.test(element.protocol);
    if (!allowed.has(element.localName) || hasOtherAttribute || hasUnsafeLink) found.push(element.outerHTML);
  }
  return found;
};
const all = selector => [...document.querySelectorAll(selector)];
const text = selector => all(selector).map(element => element.textContent);
const rendered = {
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
const found = injectedElements();
const expectedScripts = kind === 'script' ? 3 : 1;
if (document.scripts.length !== expectedScripts) found.push(`${document.scripts.length} scripts`);
// Frameworks serialize and parse rendered markup again.
if (kind === 'markdown') for (const element of all('.salver-text')) element.innerHTML = element.innerHTML;
return { rendered, injected: [...found, ...injectedElements()], fired: window.fired, path: location.pathname };
